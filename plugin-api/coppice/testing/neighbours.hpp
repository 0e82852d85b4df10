// SPDX-License-Identifier: MIT
// The node of an actor under test, and the other processes on it and on other nodes. A test defines them
// before the actor starts or while it runs; all others do not exist. Header-only. One thread.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include <coppice/testing/journal.hpp>

namespace coppice::testing {

namespace detail {

inline std::uint32_t next_number() {
  static std::atomic<std::uint32_t> last{100};
  return ++last;
}
inline value fresh_pid(std::string_view node) {
  return etf::pid{node, next_number(), 0, 4};
}
inline value fresh_reference(std::string_view node) {
  return etf::reference{node, 4, 3, {next_number(), 0, 0}};
}
/// The node that a pid, a reference or {Name, Node} names. Empty: a name on this node.
inline std::string_view node_of(const value& whom) {
  etf::cursor at(whom.bytes());
  etf::pid process;
  etf::reference alias;
  std::string_view word;
  if (at.peek() == etf::kind::pid && at.read_pid(process)) return process.node;
  if (at.peek() == etf::kind::reference && at.read_reference(alias)) return alias.node;
  if (at.read_tuple_of(2) && at.read_atom(word) && at.read_atom(word)) return word;
  return {};
}

} // namespace detail

class neighbours {
 public:
  explicit neighbours(std::string_view node = "test@localhost") : node_(node) {}

  // ---- for the test ----

  /// Makes a process that answers calls to a name here, or "name@node", with replies(…), exits(…) or
  /// silence(). Returns its pid.
  value serve(std::string_view name, std::function<response(value request)> does) {
    const auto cut = name.find('@');
    const std::string_view node = cut == name.npos ? node_ : name.substr(cut + 1);
    const std::string_view local = name.substr(0, cut);
    const value process = detail::fresh_pid(node);
    servers_[process] = does;
    servers_[std::pair(etf::atom{local}, etf::atom{node})] = does;
    if (cut == name.npos) {
      servers_[etf::atom{local}] = std::move(does);
      names_[std::string(local)] = process;
    }
    return process;
  }
  /// Decides which children do not start: a term is the reason.
  void refuse_children(std::function<value(const child&)> why) { refuse_child_ = std::move(why); }
  /// Answers spawn requests to other nodes: replies({}) makes the process, whose pid is in the journal; any
  /// other response refuses it. Without this call other nodes are down.
  void serve_spawns(std::function<response(const remote_child&)> answer) {
    answer_spawn_ = std::move(answer);
  }
  /// Connects a node: with COPPICE_NO_CONNECT only connected nodes are reachable. Without that flag every
  /// send succeeds and does not connect.
  void connect(std::string_view node) { connected_.emplace(node); }
  void disconnect(std::string_view node) { connected_.erase(std::string(node)); }

  // ---- for the actor's host calls ----

  const std::string& node() const { return node_; }
  bool is_connected(std::string_view node) const {
    return node.empty() || node == node_ || connected_.contains(std::string(node));
  }
  /// The called process's response. No such process: noproc, or nodedown on another node.
  response ask(const value& to, const value& request) const {
    const auto found = servers_.find(to);
    if (found != servers_.end()) return found->second(request);
    const bool names_its_node = etf::cursor(to.bytes()).peek() == etf::kind::tuple;
    return {names_its_node ? COPPICE_E_NODEDOWN : COPPICE_E_NOPROC, {}};
  }
  /// The process that has a name here. None: no process has it.
  value whereis(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? value() : found->second;
  }
  void add_name(const std::string& name, const value& pid) { names_.emplace(name, pid); }
  /// Why a child does not start. None: it starts.
  value refusal_of(const child& asked) const { return refuse_child_ ? refuse_child_(asked) : value(); }
  response spawn(const remote_child& asked) const {
    return answer_spawn_ ? answer_spawn_(asked) : nodedown();
  }

 private:
  std::string node_;
  std::map<value, std::function<response(value)>> servers_; // by destination
  std::map<std::string, value> names_;                      // of processes on this node
  std::set<std::string> connected_;
  std::function<value(const child&)> refuse_child_;
  std::function<response(const remote_child&)> answer_spawn_;
};

} // namespace coppice::testing
