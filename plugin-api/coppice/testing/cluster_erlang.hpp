// SPDX-License-Identifier: MIT
// An Erlang node beside the nodes of a cluster under test (coppice/testing/cluster.hpp): `erl`, which is
// given expressions, and an EPMD that tells it the ports of the others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <coppice/testing/cluster_wires.hpp>

namespace coppice::testing::detail {

/// Answers what an Erlang node asks its EPMD: where the nodes of some names listen. A thread of its own
/// serves one request after the other.
class port_mapper {
 public:
  /// `port_of` gives the port of a name, 0 if there is no such node; `registered` is told the port of the
  /// Erlang node. Both are called in the thread of the mapper.
  port_mapper(std::function<std::uint16_t(std::string_view)> port_of,
              std::function<void(std::uint16_t)> registered);
  port_mapper(const port_mapper&) = delete;
  port_mapper& operator=(const port_mapper&) = delete;
  ~port_mapper();
  /// Where it listens: ERL_EPMD_PORT of the Erlang node.
  std::uint16_t port() const { return detail::port_of(listener_); }

 private:
  static constexpr std::uint8_t alive_request = 120, alive_answer = 121, alive_long_answer = 118;
  static constexpr std::uint8_t port_request = 122, port_answer = 119;
  static constexpr int newest_version = 6; // of the distribution protocol: that of OTP 23 and later

  void serve();
  void answer_port(const descriptor& to, const std::string& name) const;
  static std::uint16_t number_at(const std::string& bytes, std::size_t at);
  /// Two bytes of length and what follows them; empty: it did not come.
  static std::string read_request(const descriptor& from);
  static void write(const descriptor& to, const std::string& bytes);

  std::function<std::uint16_t(std::string_view)> port_of_;
  std::function<void(std::uint16_t)> registered_;
  descriptor listener_, ended_, ends_;
  std::vector<descriptor> alive_;
  std::thread thread_;
};

} // namespace coppice::testing::detail

namespace coppice::testing {

/// An Erlang node of a cluster, which evaluates expressions.
class erlang_node {
 public:
  /// Made by cluster::erlang(). `number` is its number in the cluster.
  erlang_node(std::string name, std::size_t number, const std::string& cookie, std::uint16_t epmd_port);

  const std::string& name() const { return name_; }
  /// Its number in the cluster, for cluster::cut() and cluster::delay().
  std::size_t number() const { return number_; }
  /// The value of an expression, as Erlang prints it; variables stay bound. An exception is a tuple of its
  /// class and its reason. Throws testing::failure if the node has ended.
  std::string evaluate(std::string expression);

 private:
  static constexpr std::string_view mark = "@@ ";
  /// Reads an expression a line, and prints its value as one line that begins with the mark.
  static constexpr const char* loop =
      "F = fun Loop(B0) -> case io:get_line(\"\") of eof -> halt(0); Line -> B = try "
      "{ok, T, _} = erl_scan:string(unicode:characters_to_list(Line)), {ok, E} = erl_parse:parse_exprs(T), "
      "{value, V, B1} = erl_eval:exprs(E, B0), io:format(\"~n@@ ~0tp~n\", [V]), B1 "
      "catch C:R -> io:format(\"~n@@ ~0tp~n\", [{C, R}]), B0 end, Loop(B) end end, "
      "F(erl_eval:new_bindings()).";

  void read_more();

  std::string name_;
  std::size_t number_;
  detail::descriptor input_, output_;
  detail::child program_;
  std::string said_; ///< what was read and is not yet a line
};

} // namespace coppice::testing
