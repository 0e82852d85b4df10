// SPDX-License-Identifier: MIT
// Requests of this node's processes to a scope: join, leave, watch, read. In the process's own turn.
#include "services/pg/scope.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <utility>

#include "base/bytes.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/peers/existing_connection.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message error(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

// {error, {nolocal, Pid}} for a process of another node, for which OTP's functions raise it; {error, badarg}
// if it is not a pid.
message refused(etf::cursor at, process& self) {
  const auto begin = at.rest();
  const auto who = runtime::read_pid(at, self.host().nodes());
  message_writer out;
  out.tuple(2);
  out.atom("error");
  if (!who) {
    out.atom("badarg");
    return out.take();
  }
  out.tuple(2);
  out.atom("nolocal");
  out.raw(begin.first(begin.size() - at.rest().size()));
  return out.take();
}

} // namespace

void pg_scope::discover(runtime::system& system, const runtime::pid& scope, const runtime::destination& to) {
  message_writer out;
  out.tuple(2);
  out.atom("discover");
  runtime::write(out, scope, system.nodes());
  send_over_existing_connection(system, scope, to, out.take());
}

// A restarted scope meets nodes that are already connected.
runtime::outcome pg_scope::on_start(process& self) {
  work_ = portions(self);
  runtime::system& system = self.host();
  if (!visible_ || system.router() == nullptr) return runtime::carry_on();
  for (const std::string& peer : system.router()->nodes(runtime::remote_router::which::visible))
    if (const auto node = system.nodes().find(peer))
      discover(system, self.self(), runtime::destination::remote(name_, *node));
  return runtime::carry_on();
}

std::optional<behaviours::peer_requests> pg_scope::from_peers() const {
  using request = behaviours::peer_request;
  using form = behaviours::gen::request::kind;
  constexpr std::uint16_t changes = request::keeps | request::tells_here | request::disconnects;
  static constexpr request requests[] = {{form::call, "get_members", 2, 2, request::answers},
                                         {form::call, "get_local_members", 2, 2, request::answers},
                                         {form::call, "which_groups", 0, 0, request::answers},
                                         {form::call, "which_local_groups", 0, 0, request::answers},
                                         {form::call, "join_local", 3, 3, request::answers}, // refused
                                         {form::call, "leave_local", 3, 3, request::answers},
                                         {form::call, "monitor", 0, 0, request::answers | request::keeps},
                                         {form::call, "monitor", 2, 2, request::answers | request::keeps},
                                         {form::call, "demonitor", 2, 2, request::answers},
                                         {form::cast, "sync", 3, 3, changes},
                                         {form::info, "discover", 2, 3, request::answers | request::keeps},
                                         {form::info, "join", 4, 4, changes},
                                         {form::info, "leave", 4, 4, request::tells_here}};
  return requests;
}

pg_scope::call_answer pg_scope::handle_call(process& self, const message& from, const message& request) {
  etf::cursor sender(from.bytes());
  sender.read_tuple_of(2);
  const auto caller = runtime::read_pid(sender, self.host().nodes());
  etf::cursor at(request.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  if (!caller || caller->node != self.origin().node) return no_reply();
  if (at.read_atom(what)) {
    if (what == "monitor") return watch_scope(self, *caller);
    if (auto found = list(self, what, at)) return reply(std::move(*found));
    return native_server::handle_call(self, from, request);
  }
  if (!at.read_tuple(arity) || !at.read_atom(what)) return native_server::handle_call(self, from, request);
  if (what == "join_local" && arity == 3) return join_local(self, at);
  if (what == "leave_local" && arity == 3) return leave_local(self, at);
  if (what == "demonitor" && arity == 2) return stop_watching(self, at);
  if (what == "monitor" && arity == 2) return watch_group(self, *caller, at.rest());
  if (arity == 2) {
    if (auto found = list(self, what, at)) return reply(std::move(*found));
  }
  return native_server::handle_call(self, from, request);
}

// The caller must be a process of this node, as with OTP's functions: each node reports its own processes.
pg_scope::call_answer pg_scope::join_local(process& self, etf::cursor at) {
  etf::bytes group;
  read_long_term(at, group, work_);
  const auto joining = read_pids(self, at, 0);
  if (!joining) return reply(refused(at, self));
  if (!self.origin().here()) return reply(error("not_allowed"));
  groups_.join(group, *joining);
  for (const auto& who : *joining) {
    work_.add();
    auto& monitor = members_[who];
    if (monitor) continue;
    monitor = self.monitor(who);
    watches_.emplace(monitor, watch{watch::kind::member, who, {}});
  }
  tell_watchers(self, "join", group, *joining);
  message_writer out;
  out.tuple(4);
  out.atom("join");
  runtime::write(out, self.self(), self.host().nodes());
  out.raw(group);
  write_pids(self, out, *joining);
  tell_peers(self, out.take());
  return reply(message::atom("ok"));
}

pg_scope::call_answer pg_scope::leave_local(process& self, etf::cursor at) {
  etf::bytes group;
  read_long_term(at, group, work_);
  const auto leaving = read_pids(self, at, 0);
  if (!leaving) return reply(refused(at, self));
  if (!self.origin().here()) return reply(error("not_allowed"));
  const pids left = groups_.leave(group, *leaving);
  for (const auto& who : left) {
    work_.add();
    const auto member = members_.find(who);
    if (groups_.is_member(who) || member == members_.end()) continue;
    self.demonitor(member->second, true);
    watches_.erase(member->second);
    members_.erase(member);
  }
  if (left.empty()) return reply(message::atom("not_joined"));
  tell_watchers(self, "leave", group, left);
  message_writer out;
  out.tuple(4);
  out.atom("leave");
  runtime::write(out, self.self(), self.host().nodes());
  write_pids(self, out, left);
  out.list(1);
  out.raw(group);
  out.nil();
  tell_peers(self, out.take());
  return reply(message::atom("ok"));
}

bool pg_scope::may_watch(const runtime::pid& watcher, etf::bytes group) const {
  if (watcher.here()) return true;
  return group.size() <= longest_key && watchers_.of(watcher.node) < bounds_.watches;
}

// {Ref, #{Group => Pids}}
pg_scope::call_answer pg_scope::watch_scope(process& self, const runtime::pid& watcher) {
  if (!may_watch(watcher, {})) return reply(error("limit"));
  const auto ref = self.monitor(watcher);
  count_watch(watches_.emplace(ref, watch{watch::kind::scope_watcher, watcher, {}}).first->second);
  scope_watchers_.emplace(ref, watcher);
  const auto all = groups_.groups(pg_groups::whose::all);
  message_writer out;
  out.tuple(2);
  runtime::write(out, ref, self.host().nodes());
  out.map(static_cast<std::uint32_t>(all.size()));
  for (const auto group : all) {
    work_.add(group.size());
    out.raw(group);
    write_pids(self, out, groups_.members(group, pg_groups::whose::all));
  }
  return reply(out.take());
}

// {Ref, Pids}
pg_scope::call_answer pg_scope::watch_group(process& self, const runtime::pid& watcher, etf::bytes group) {
  if (!may_watch(watcher, group)) return reply(error("limit"));
  work_.add_read(group.size());
  const auto ref = self.monitor(watcher);
  watch made{watch::kind::group_watcher, watcher, std::string(base::as_text(group))};
  count_watch(watches_.emplace(ref, std::move(made)).first->second);
  group_watchers_[etf::equality_hash(group)].insert(ref);
  message_writer out;
  out.tuple(2);
  runtime::write(out, ref, self.host().nodes());
  write_pids(self, out, groups_.members(group, pg_groups::whose::all));
  return reply(out.take());
}

pg_scope::call_answer pg_scope::stop_watching(process& self, etf::cursor at) {
  const auto ref = runtime::read_reference(at, self.host().nodes());
  const auto found = ref ? watches_.find(*ref) : watches_.end();
  const bool watcher = found != watches_.end() && (found->second.what == watch::kind::scope_watcher ||
                                                   found->second.what == watch::kind::group_watcher);
  if (!watcher || found->second.who.node != self.origin().node) return reply(message::atom("false"));
  self.demonitor(*ref, true);
  stop_watch(found);
  return reply(message::atom("ok"));
}

std::optional<message> pg_scope::list(process& self, std::string_view what, etf::cursor at) {
  using whose = pg_groups::whose;
  message_writer out;
  if (what == "get_members" || what == "get_local_members") {
    const etf::bytes group = at.rest();
    // Other nodes know no group with a longer name, and finding one takes as long as its name is.
    if (!self.origin().here() && group.size() > longest_key) {
      out.nil();
      return out.take();
    }
    write_pids(self, out, groups_.members(group, what == "get_members" ? whose::all : whose::local));
    return out.take();
  }
  if (what == "which_groups" || what == "which_local_groups") {
    const auto all = groups_.groups(what == "which_groups" ? whose::all : whose::local);
    out.list(static_cast<std::uint32_t>(all.size()));
    for (const auto group : all) {
      work_.add(group.size());
      out.raw(group);
    }
    out.nil();
    return out.take();
  }
  return std::nullopt;
}

// A group's watchers are found by its hash: a change costs nothing for the members and watchers of other
// groups.
void pg_scope::tell_watchers(process& self, std::string_view what, etf::bytes group, const pids& who) {
  const auto tell = [&](const runtime::reference& ref, const runtime::pid& watcher) {
    work_.add(group.size());
    message_writer out;
    out.tuple(4);
    runtime::write(out, ref, self.host().nodes());
    out.atom(what);
    out.raw(group);
    write_pids(self, out, who);
    // A change that was made because the watcher's node is lost must not connect it again.
    if (watcher.here())
      self.send_unbounded(watcher, out.take());
    else
      send_over_existing_connection(self.host(), self.self(), watcher, out.take());
  };
  for (const auto& [ref, watcher] : scope_watchers_) tell(ref, watcher);
  if (group_watchers_.empty()) return;
  work_.add_read(2 * group.size());
  const auto found = group_watchers_.find(etf::equality_hash(group));
  if (found == group_watchers_.end()) return;
  for (const runtime::reference& ref : found->second) {
    const watch& one = watches_.at(ref);
    if (etf::equal_exact(base::as_bytes(one.group), group)) tell(ref, one.who);
  }
}

// Counts a watch of another node's process.
void pg_scope::count_watch(const watch& made) {
  if (made.who.here()) return;
  watchers_.add(made.who.node);
  watchers_memory_.add(runtime::memory_of_entry + made.group.size());
}

// Removes a monitor of this scope.
void pg_scope::stop_watch(watch_table::iterator at) {
  const bool of_scope = at->second.what == watch::kind::scope_watcher;
  const bool of_group = at->second.what == watch::kind::group_watcher;
  if ((of_scope || of_group) && !at->second.who.here()) {
    watchers_.remove(at->second.who.node);
    watchers_memory_.remove(runtime::memory_of_entry + at->second.group.size());
  }
  if (of_scope) scope_watchers_.erase(at->first);
  if (of_group) {
    const auto found = group_watchers_.find(etf::equality_hash(base::as_bytes(at->second.group)));
    if (found != group_watchers_.end() && found->second.erase(at->first) != 0 && found->second.empty())
      group_watchers_.erase(found);
  }
  watches_.erase(at);
}

void pg_scope::tell_peers(process& self, const message& m) {
  for (const auto& [peer, monitor] : peers_) {
    work_.add();
    send_over_existing_connection(self.host(), self.self(), peer, m);
  }
}

std::optional<pg_scope::pids> pg_scope::read_pids(process& self, etf::cursor& at, std::uint32_t node) {
  const auto one = [&](pids& into) {
    work_.add();
    etf::cursor ahead = at;
    const auto who = runtime::read_pid(ahead, self.host().nodes());
    if (!who || who->node != node) return false;
    at = ahead;
    into.push_back(*who);
    return true;
  };
  pids out;
  std::uint32_t count = 0;
  if (!at.read_list(count)) return one(out) ? std::optional(std::move(out)) : std::nullopt;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!one(out)) return std::nullopt;
  }
  if (count > 0 && !at.read_nil()) return std::nullopt;
  return out;
}

void pg_scope::write_pids(process& self, etf::writer& out, const pids& who) {
  out.list(static_cast<std::uint32_t>(who.size()));
  for (const auto& one : who) {
    work_.add();
    runtime::write(out, one, self.host().nodes());
  }
  out.nil();
}

} // namespace coppice::services
