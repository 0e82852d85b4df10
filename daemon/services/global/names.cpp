// SPDX-License-Identifier: MIT
// The names that all nodes agree on, and the locks that they take for it: the requests of other nodes'
// `global`. In the process's own turn.
#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/log_counted.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/global/conflict.hpp"
#include "services/global/name_server.hpp"
#include "services/global/registrar.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr std::string_view method_tag = "method_to_resolve";
constexpr std::string_view lock_resource = "global"; // of OTP's global, for changes of names

message boolean(bool value) {
  return message::atom(value ? "true" : "false");
}

} // namespace

std::optional<behaviours::peer_requests> global_name_server::from_peers() const {
  using request = behaviours::peer_request;
  using form = behaviours::gen::request::kind;
  constexpr std::uint16_t kept = request::answers | request::keeps;
  constexpr std::uint16_t session = request::keeps | request::tells_nodes;
  static constexpr request requests[] = {
      {form::call, "get_known", 0, 0, request::answers},
      {form::call, "get_synced", 0, 0, request::answers},
      {form::call, "registered_names", 0, 0, request::answers},
      {form::call, "get_protocol_version", 0, 0, request::answers},
      {form::call, "set_lock", 2, 2, kept},
      {form::call, "del_lock", 2, 2, request::answers},
      {form::call, "register", 4, 4, kept},
      {form::call, "register_ext", 5, 5, kept},
      {form::call, "unregister", 2, 2, request::answers},
      {form::call, "whereis_name", 2, 2, request::answers},
      {form::call, "may_register", 2, 2, request::answers},
      {form::call, "sync", 2, 2, kept},
      {form::cast, "init_connect", 4, 4, session},
      {form::cast, "lock_set", 4, 5, session | request::forwards},
      {form::cast, "exchange", 5, 5, session | request::forwards},
      {form::cast, "resolved", 7, 7, session | request::connects | request::disconnects},
      {form::cast, "in_sync", 3, 3, request::keeps},
      {form::cast, "new_nodes", 6, 6, session | request::connects | request::disconnects},
      {form::info, "lock_set", 4, 5, session | request::forwards},
      {form::info, "init_connect_ack", 4, 4, session},
      {form::info, "cancel_connect", 3, 3, session},
      {form::info, "lost_connection", 5, 5, session | request::logs},
      {form::info, "remove_connection", 2, 2, request::logs | request::disconnects},
      {form::info, "whereis", 3, 3, request::answers},
      {form::info, behaviours::answer_to_alias, 2, 2, request::tells_nodes}};
  return requests;
}

global_name_server::call_answer global_name_server::handle_call(process& self, const message& from,
                                                                const message& request) {
  etf::cursor at(request.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  etf::bytes term;
  etf::cursor sender(from.bytes());
  sender.read_tuple_of(2);
  const auto caller = runtime::read_pid(sender, self.host().nodes());
  if (!caller || caller->node != self.origin().node) return no_reply();
  if (at.read_atom(what)) {
    if (what == "get_known" || what == "get_synced") {
      message_writer out;
      write_nodes(out, what == "get_known" ? known_ : synced_);
      return reply(out.take());
    }
    if (what == "registered_names") return reply(registered_names());
    if (what == "get_protocol_version") {
      message_writer out;
      out.integer(8);
      return reply(out.take());
    }
  } else if (at.read_tuple(arity) && at.read_atom(what)) {
    if (what == "set_lock" && read_long_term(at, term, work_))
      return reply(boolean(set_lock(self, term, *caller)));
    if (what == "del_lock" && read_long_term(at, term, work_)) {
      del_lock(self, term, *caller);
      return reply(message::atom("true"));
    }
    const bool is_registration = (what == "register" && arity == 4) || (what == "register_ext" && arity == 5);
    if ((is_registration || what == "unregister") && !may_change(*caller)) return reply(message::atom("no"));
    if (is_registration) {
      if (!read_long_term(at, term, work_)) return no_reply();
      const auto pid = runtime::read_pid(at, self.host().nodes());
      etf::bytes method;
      if (!pid || !read_long_term(at, method, work_)) return no_reply();
      return reply(message::atom(insert(self, term, *pid, method, self.origin().node) ? "yes" : "no"));
    }
    if (what == "unregister" && read_long_term(at, term, work_)) {
      erase(self, term);
      return reply(message::atom("ok"));
    }
    const bool is_change = what == "register_name" || what == "re_register_name" || what == "unregister_name";
    if (is_change && self.origin().here()) {
      return hand_to_registrar(self, from, request);
    }
    if (what == method_tag && self.origin().here()) return reply(method_of(self, at));
    if (what == "whereis_name" && read_long_term(at, term, work_)) return reply(whereis(self, term));
    if (what == "may_register" && at.read_tuple_of(2) && read_long_term(at, term, work_)) {
      const auto pid = runtime::read_pid(at, self.host().nodes());
      return reply(boolean(pid && may_register(self, term, *pid)));
    }
    if (what == "sync") {
      wait_for_sync(self, from, at);
      return no_reply();
    }
  }
  return native_server::handle_call(self, from, request);
}

// Only for processes of this node; OTP's other nodes have their own registrars.
global_name_server::call_answer global_name_server::hand_to_registrar(process& self, const message& from,
                                                                      const message& request) {
  etf::cursor at(request.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  etf::bytes name;
  at.read_tuple(arity);
  at.read_atom(what);
  const bool leaves = what == "unregister_name";
  const bool named = at.read_term(name);
  const auto rest = at.rest();
  const auto pid = leaves ? std::nullopt : runtime::read_pid(at, self.host().nodes());
  if (!named || (leaves ? arity != 2 : !pid || arity < 3 || arity > 4)) {
    message_writer out;
    out.tuple(2);
    out.atom("error");
    out.atom("badarg");
    return reply(out.take());
  }
  message_writer order;
  order.tuple(leaves ? 2 : 4);
  order.atom(what);
  order.raw(name);
  order.raw(rest);
  if (!leaves && arity == 3) order.raw(default_conflict_method().bytes());
  self.notify(registrar_, global_registrar::order(from, order.view()));
  return no_reply();
}

message global_name_server::whereis(process& self, etf::bytes name) const {
  const auto* found = names_.find(name);
  if (found == nullptr || (found->pid.here() && !self.host().alive(found->pid)))
    return message::atom("undefined");
  message_writer out;
  runtime::write(out, found->pid, self.host().nodes());
  return out.take();
}

message global_name_server::method_question(const runtime::node_names& nodes, std::uint32_t by,
                                            etf::bytes name, const runtime::pid& first,
                                            const runtime::pid& second) {
  message_writer out(name.size() + 256);
  out.tuple(5);
  out.atom(method_tag);
  out.atom(nodes.name(by));
  out.raw(name);
  runtime::write(out, first, nodes);
  runtime::write(out, second, nodes);
  return out.take();
}

message global_name_server::method_of(process& self, etf::cursor question) const {
  auto& nodes = self.host().nodes();
  std::string_view by;
  etf::bytes name;
  portions work(self);
  if (!question.read_atom(by) || !read_long_term(question, name, work)) return boolean(false);
  const auto first = runtime::read_pid(question, nodes);
  const auto second = runtime::read_pid(question, nodes);
  const auto* found = names_.find(name);
  const auto node = nodes.find(by);
  if (!first || !second || !node || found == nullptr) return boolean(false);
  const bool held = found->pid == *first || found->pid == *second;
  // A process on this node may be asked about only if it has the name.
  for (const runtime::pid& one : {*first, *second})
    if (one.here() && one != found->pid) return boolean(false);
  if (!held || !locks_.is_held_by(message::atom(lock_resource).bytes(), *node)) return boolean(false);
  return found->method;
}

// A node changes names by a process that has global's lock on all nodes of its partition. If it has lost its
// connection here, it has lost the lock with it: then what it asks for was meant for another partition, and
// may come over a new connection.
bool global_name_server::may_change(const runtime::pid& asker) const {
  return asker.here() || locks_.is_held_by(message::atom(lock_resource).bytes(), asker);
}

// OTP also refuses a second name for a process.
bool global_name_server::may_register(process& self, etf::bytes name, const runtime::pid& pid) const {
  return etf::cursor(whereis(self, name).bytes()).read_atom_is("undefined") && !names_.has_name(pid);
}

message global_name_server::registered_names() {
  message_writer out;
  out.list(static_cast<std::uint32_t>(names_.all().size()));
  for (const auto& [name, entry] : names_.all()) {
    work_.add(name.size());
    out.raw(base::as_bytes(name));
  }
  out.nil();
  return out.take();
}

void global_name_server::write_nodes(etf::writer& out, const std::set<std::string, std::less<>>& nodes) {
  out.list(static_cast<std::uint32_t>(nodes.size()));
  for (const auto& node : nodes) {
    work_.add();
    out.atom(node);
  }
  out.nil();
}

bool global_name_server::may_say(std::uint32_t speaker, etf::bytes name, etf::bytes method) const {
  if (speaker == 0) return true;
  if (name.size() > longest_key || method.size() > longest_key) return false;
  const auto* before = names_.find(name);
  const bool replaces = before != nullptr && before->speaker == speaker;
  return names_.said_by(speaker) < bounds_.names + (replaces ? 1 : 0) &&
         names_.bytes_said_by(speaker) + name.size() + method.size() <= bounds_.bytes;
}

bool global_name_server::insert(process& self, etf::bytes name, const runtime::pid& pid, etf::bytes method,
                                std::uint32_t speaker) {
  if (!may_say(speaker, name, method)) return false;
  erase(self, name);
  if (!pid.here()) router_.brought_up(pid.node, speaker); // the monitor opens the connection
  names_.insert(name, {pid, message::copy_of(method), self.monitor(pid), speaker});
  return true;
}

void global_name_server::erase(process& self, etf::bytes name) {
  const auto* found = names_.find(name);
  if (found == nullptr) return;
  self.demonitor(found->monitor, true);
  names_.erase(name);
}

// [{insert, {Name, Pid, Method}} | {delete, Name}]
bool global_name_server::apply(process& self, etf::bytes ops, std::uint32_t speaker, applied* done) {
  etf::cursor at(ops);
  std::uint32_t count = 0;
  if (!at.read_list(count)) return true;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string_view what;
    etf::bytes name;
    etf::bytes method;
    const etf::bytes from = at.rest();
    work_.add();
    if (!at.read_tuple_of(2) || !at.read_atom(what)) return true;
    if (what == "insert") {
      if (!at.read_tuple_of(3) || !read_long_term(at, name, work_)) return true;
      const auto pid = runtime::read_pid(at, self.host().nodes());
      if (!pid || !read_long_term(at, method, work_)) return true;
      work_.add(name.size() + method.size());
      if (!insert(self, name, *pid, method, speaker)) {
        // The node may not leave out a change that all others agreed on.
        const std::string node = self.host().nodes().name(speaker);
        disconnect(
            self, node,
            fmt::format("it says more than {} names of global, or {} bytes", bounds_.names, bounds_.bytes));
        return false;
      }
    } else if (what == "delete" && read_long_term(at, name, work_)) {
      work_.add(name.size());
      if (names_.find(name) == nullptr) continue;
      erase(self, name);
    } else {
      return true;
    }
    if (done == nullptr) continue;
    done->ops.raw(from.first(from.size() - at.rest().size()));
    ++done->count;
  }
  return true;
}

void global_name_server::write_names(process& self, etf::writer& out) {
  out.list(static_cast<std::uint32_t>(names_.all().size()));
  for (const auto& [name, entry] : names_.all()) {
    work_.add(name.size() + entry.method.size());
    out.tuple(3);
    out.raw(base::as_bytes(name));
    runtime::write(out, entry.pid, self.host().nodes());
    out.raw(entry.method.bytes());
  }
  out.nil();
}

// The caller is answered when this node is in sync with all nodes that it names.
void global_name_server::wait_for_sync(process& self, const message& from, etf::cursor at) {
  if (from.size() > longest_key) return;
  waiter made{from.compact(), self.origin().node, {}};
  const std::size_t waiting = waiting_at_.of(made.node);
  if (made.node != 0 && waiting >= bounds_.locks) {
    base::log::counted(base::log::level::warning, "services", "global: sync",
                       "global: a call of sync by {} was dropped: {} wait already",
                       self.host().nodes().name(made.node), waiting);
    return;
  }
  std::uint32_t count = 0;
  std::string_view node;
  at.read_list(count);
  // A node that does not exist is not waited for.
  for (std::uint32_t i = 0; i < count && at.read_atom(node); ++i) {
    work_.add();
    if (partners_.contains(node) && !synced_.contains(node)) made.nodes.emplace(node);
  }
  if (made.nodes.empty()) {
    behaviours::gen::reply(self, made.from, message::atom("ok"));
    return;
  }
  waiting_at_.add(made.node);
  waiters_.push_back(std::move(made));
}

bool global_name_server::set_lock(process& self, etf::bytes lock, const runtime::pid& holder) {
  etf::cursor at(lock);
  etf::bytes resource;
  etf::bytes requester;
  if (!holder.here() && lock.size() > longest_key) return false;
  if (!at.read_tuple_of(2) || !read_long_term(at, resource, work_) || !read_long_term(at, requester, work_))
    return false;
  const bool watched = holder == self.self() || locks_.holds_any(holder);
  if (!holder.here() && locks_.of_node(holder.node) >= bounds_.locks) {
    base::log::counted(base::log::level::warning, "services", "global: locks",
                       "global: a lock for {} was refused: it holds {}, which is the most",
                       self.host().nodes().name(holder.node), bounds_.locks);
    return false;
  }
  if (!locks_.set(resource, requester, holder)) return false;
  if (watched) return true;
  const runtime::reference ref = self.monitor(holder);
  lock_monitors_.emplace(ref, holder);
  lock_monitor_of_.emplace(holder, ref);
  return true;
}

void global_name_server::del_lock(process& self, etf::bytes lock, const runtime::pid& holder) {
  etf::cursor at(lock);
  etf::bytes resource;
  etf::bytes requester;
  if (!holder.here() && lock.size() > longest_key) return; // it holds no such lock
  if (!at.read_tuple_of(2) || !read_long_term(at, resource, work_) || !read_long_term(at, requester, work_))
    return;
  locks_.remove(resource, requester, holder);
  if (locks_.holds_any(holder)) return;
  const auto watch = lock_monitor_of_.find(holder);
  if (watch == lock_monitor_of_.end()) return;
  self.demonitor(watch->second, true);
  lock_monitors_.erase(watch->second);
  lock_monitor_of_.erase(watch);
}

void global_name_server::on_down(process& self, etf::cursor at) {
  const auto ref = runtime::read_reference(at, self.host().nodes());
  if (!ref) return;
  if (const auto watch = lock_monitors_.find(*ref); watch != lock_monitors_.end()) {
    locks_.remove_all(watch->second);
    lock_monitor_of_.erase(watch->second);
    lock_monitors_.erase(watch);
    return;
  }
  if (names_.erase_monitored(*ref) || is_end_of_questions(self, *ref)) return;
  on_lock_answer(self, *ref, false);
}

} // namespace coppice::services
