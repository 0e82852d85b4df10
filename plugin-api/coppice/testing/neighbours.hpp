// SPDX-License-Identifier: MIT
// The node of an actor under test, and the other processes on it and on other nodes. A test defines them
// before the actor starts or while it runs; all others do not exist. One thread.
#pragma once

#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include <coppice/testing/journal.hpp>

namespace coppice::testing {

namespace detail {

value fresh_pid(std::string_view node);
value fresh_reference(std::string_view node);
/// The node that a pid, a reference or {Name, Node} names. Empty: a name on this node.
std::string_view node_of(const value& whom);

} // namespace detail

class neighbours {
 public:
  explicit neighbours(std::string_view node = "test@localhost") : node_(node) {}

  // ---- for the test ----

  /// Makes a process that answers calls to a name here, or "name@node", with replies(…), exits(…) or
  /// silence(). Returns its pid.
  value serve(std::string_view name, std::function<response(value request)> does);
  /// Decides which children do not start: a term is the reason.
  void refuse_children(std::function<value(const child&)> why) { refuse_child_ = std::move(why); }
  /// Answers spawn requests to other nodes: replies({}) makes the process, whose pid is in the journal; any
  /// other response refuses it. Without this call other nodes are down.
  void serve_spawns(std::function<response(const remote_child&)> answer);
  /// Connects a node: with COPPICE_NO_CONNECT only connected nodes are reachable. Without that flag every
  /// send succeeds and does not connect.
  void connect(std::string_view node) { connected_.emplace(node); }
  void disconnect(std::string_view node) { connected_.erase(std::string(node)); }

  // ---- for the actor's host calls ----

  const std::string& node() const { return node_; }
  bool is_connected(std::string_view node) const;
  /// The called process's response. No such process: noproc, or nodedown on another node.
  response ask(const value& to, const value& request) const;
  /// The process that has a name here. None: no process has it.
  value whereis(const std::string& name) const;
  void add_name(const std::string& name, const value& pid) { names_.emplace(name, pid); }
  /// Why a child does not start. None: it starts.
  value refusal_of(const child& asked) const { return refuse_child_ ? refuse_child_(asked) : value(); }
  response spawn(const remote_child& asked) const;

 private:
  std::string node_;
  std::map<value, std::function<response(value)>> servers_; // by destination
  std::map<std::string, value> names_;                      // of processes on this node
  std::set<std::string> connected_;
  std::function<value(const child&)> refuse_child_;
  std::function<response(const remote_child&)> answer_spawn_;
};

} // namespace coppice::testing
