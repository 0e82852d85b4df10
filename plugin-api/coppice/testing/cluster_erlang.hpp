// SPDX-License-Identifier: MIT
// An Erlang node beside the nodes of a cluster under test (coppice/testing/cluster.hpp): `erl`, which is
// given expressions, and an EPMD that tells it the ports of the others. Header-only.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
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
              std::function<void(std::uint16_t)> registered)
      : port_of_(std::move(port_of)), registered_(std::move(registered)), listener_(listen_on_loopback()) {
    std::tie(ended_, ends_) = make_pipe();
    thread_ = std::thread([this] { serve(); });
  }
  port_mapper(const port_mapper&) = delete;
  port_mapper& operator=(const port_mapper&) = delete;
  ~port_mapper() {
    ends_.close();
    thread_.join();
  }
  /// Where it listens: ERL_EPMD_PORT of the Erlang node.
  std::uint16_t port() const { return detail::port_of(listener_); }

 private:
  static constexpr std::uint8_t alive_request = 120, alive_answer = 121, alive_long_answer = 118;
  static constexpr std::uint8_t port_request = 122, port_answer = 119;
  static constexpr int newest_version = 6; // of the distribution protocol: that of OTP 23 and later

  void serve() {
    for (;;) {
      std::array<pollfd, 2> watched{{{ended_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}}};
      ::poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      descriptor asks(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!asks.is_open()) continue;
      const timeval patience{5, 0};
      ::setsockopt(asks.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      const std::string request = read_request(asks);
      if (request.empty()) continue;
      if (std::uint8_t(request[0]) == alive_request && request.size() >= 7) {
        registered_(number_at(request, 1));
        const bool is_long = number_at(request, 5) >= newest_version;
        write(asks, is_long ? std::string{char(alive_long_answer), 0, 0, 0, 0, 1}
                            : std::string{char(alive_answer), 0, 0, 1});
        alive_.push_back(std::move(asks)); // the node is registered as long as this is open
      } else if (std::uint8_t(request[0]) == port_request) {
        answer_port(asks, request.substr(1));
      }
    }
  }
  void answer_port(const descriptor& to, const std::string& name) const {
    const std::uint16_t port = port_of_(name);
    if (port == 0) return write(to, std::string{char(port_answer), 1});
    const auto two = [](std::size_t n) { return std::string{char(n >> 8U), char(n & 0xffU)}; };
    const std::string visible_over_tcp{'M', 0};
    write(to, std::string{char(port_answer), 0} + two(port) + visible_over_tcp + two(newest_version) +
                  two(5) + two(name.size()) + name + two(0));
  }
  static std::uint16_t number_at(const std::string& bytes, std::size_t at) {
    return static_cast<std::uint16_t>(std::uint8_t(bytes[at]) << 8U | std::uint8_t(bytes[at + 1]));
  }
  /// Two bytes of length and what follows them; empty: it did not come.
  static std::string read_request(const descriptor& from) {
    std::string size(2, '\0');
    if (::recv(from.get(), size.data(), 2, MSG_WAITALL) != 2) return {};
    std::string request(number_at(size, 0), '\0');
    const auto got = ::recv(from.get(), request.data(), request.size(), MSG_WAITALL);
    return got == static_cast<ssize_t>(request.size()) ? request : std::string();
  }
  static void write(const descriptor& to, const std::string& bytes) {
    [[maybe_unused]] const auto ignored = ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

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
  erlang_node(std::string name, std::size_t number, const std::string& cookie, std::uint16_t epmd_port)
      : name_(std::move(name)), number_(number) {
    auto [reads, input] = detail::make_pipe();
    auto [output, writes] = detail::make_pipe();
    input_ = std::move(input);
    output_ = std::move(output);
    const std::vector<std::string> command{
        "erl",         "-noshell", "-name",   name_,          "-setcookie", cookie,
        "-start_epmd", "false",    "-kernel", "logger_level", "error",      "inet_dist_use_interface",
        "{127,0,0,1}", "-eval",    loop};
    program_ =
        detail::child(command, {"ERL_EPMD_PORT=" + std::to_string(epmd_port), "ERL_CRASH_DUMP_SECONDS=0"},
                      reads.get(), writes.get(), writes.get());
    reads.close();
    writes.close();
    evaluate("up");
  }

  const std::string& name() const { return name_; }
  /// Its number in the cluster, for cluster::cut() and cluster::delay().
  std::size_t number() const { return number_; }
  /// The value of an expression, as Erlang prints it; variables stay bound. An exception is a tuple of its
  /// class and its reason. Throws testing::failure if the node has ended.
  std::string evaluate(std::string expression) {
    for (char& each : expression)
      if (each == '\n') each = ' ';
    expression += ".\n";
    if (::write(input_.get(), expression.data(), expression.size()) !=
        static_cast<ssize_t>(expression.size()))
      throw failure(name_ + " takes no expression: " + said_);
    for (;;) {
      const std::size_t end = said_.find('\n');
      if (end == std::string::npos) {
        read_more();
        continue;
      }
      const std::string line = said_.substr(0, end);
      said_.erase(0, end + 1);
      if (line.starts_with(mark)) return line.substr(mark.size());
    }
  }

 private:
  static constexpr std::string_view mark = "@@ ";
  /// Reads an expression a line, and prints its value as one line that begins with the mark.
  static constexpr const char* loop =
      "F = fun Loop(B0) -> case io:get_line(\"\") of eof -> halt(0); Line -> B = try "
      "{ok, T, _} = erl_scan:string(unicode:characters_to_list(Line)), {ok, E} = erl_parse:parse_exprs(T), "
      "{value, V, B1} = erl_eval:exprs(E, B0), io:format(\"~n@@ ~0tp~n\", [V]), B1 "
      "catch C:R -> io:format(\"~n@@ ~0tp~n\", [{C, R}]), B0 end, Loop(B) end end, "
      "F(erl_eval:new_bindings()).";

  void read_more() {
    std::array<char, 4096> part{};
    const ssize_t got = ::read(output_.get(), part.data(), part.size());
    if (got > 0)
      said_.append(part.data(), static_cast<std::size_t>(got));
    else if (got == 0 || errno != EINTR)
      throw failure(name_ + " has ended: " + said_);
  }

  std::string name_;
  std::size_t number_;
  detail::descriptor input_, output_;
  detail::child program_;
  std::string said_; ///< what was read and is not yet a line
};

} // namespace coppice::testing
