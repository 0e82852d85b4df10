// SPDX-License-Identifier: MIT
// Messages of other nodes' scopes, and the ends of members and peers. A peer may speak only for processes of
// its own node, and may report joins and leaves only after it is known. In the process's own turn.
#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <map>
#include <utility>

#include "base/bytes.hpp"
#include "runtime/messages/small_integers.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/peers/existing_connection.hpp"
#include "services/pg/scope.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

// Whether the message being handled came from the node of that scope, which must be another node.
bool speaks_for(const process& self, const runtime::pid& peer) {
  return !peer.here() && peer.node == self.origin().node;
}

} // namespace

runtime::outcome pg_scope::handle_cast(process& self, const message& request) {
  etf::cursor at(request.bytes());
  if (!at.read_tuple_of(3) || !at.read_atom_is("sync")) return runtime::carry_on();
  const auto peer = runtime::read_pid(at, self.host().nodes());
  if (peer && speaks_for(self, *peer)) on_sync(self, *peer, at);
  return runtime::carry_on();
}

runtime::outcome pg_scope::handle_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  if (!at.read_tuple(arity) || !at.read_atom(what)) return runtime::carry_on();
  if (self.origin().notice) {
    if (what == "DOWN" && arity == 5) on_down(self, at);
    return runtime::carry_on();
  }
  const auto peer = runtime::read_pid(at, self.host().nodes());
  if (!peer || !speaks_for(self, *peer)) return runtime::carry_on();
  // The third element of a discovery is the protocol's version, if it has one.
  if (what == "discover" && (arity == 2 || arity == 3)) on_discover(self, *peer);
  if (what == "join" && arity == 4) on_join(self, *peer, at);
  if (what == "leave" && arity == 4) on_leave(self, *peer, at);
  return runtime::carry_on();
}

std::string pg_scope::too_many() const {
  return fmt::format("{}: its processes have more than {} memberships", name_, bounds_.groups);
}

std::string pg_scope::too_long() const {
  return fmt::format("{}: the name of a group has more than {} bytes, or all of its have more than {}", name_,
                     longest_key, bounds_.bytes);
}

// `who`: processes of one node. False: that node would have more memberships than it may have.
bool pg_scope::join_all(pg_groups& into, etf::bytes group, const pids& who) const {
  if (group.size() > longest_key) return false;
  if (who.empty()) return true;
  into.join(group, who);
  return into.bytes(who.front().node) <= bounds_.bytes;
}

bool pg_scope::meet(process& self, const runtime::pid& peer) {
  // A restarted scope may be here before the end of its predecessor is known; more than that is a fault.
  constexpr std::ptrdiff_t most_of_a_node = 16;
  if (std::ranges::count(peers_, peer.node, [](const auto& known) { return known.first.node; }) >=
      most_of_a_node)
    return false;
  const auto monitor = self.monitor(peer, {.how = over_existing_connection});
  if (!monitor) return false;
  peers_.emplace(peer, monitor);
  watches_.emplace(monitor, watch{watch::kind::peer, peer, {}});
  return true;
}

void pg_scope::on_discover(process& self, const runtime::pid& peer) {
  const auto groups = groups_.groups(pg_groups::whose::local);
  message_writer out;
  out.tuple(2);
  out.atom("$gen_cast");
  out.tuple(3);
  out.atom("sync");
  runtime::write(out, self.self(), self.host().nodes());
  out.list(static_cast<std::uint32_t>(groups.size()));
  for (const auto group : groups) {
    work_.add(group.size());
    out.tuple(2);
    out.raw(group);
    write_pids(self, out, groups_.members(group, pg_groups::whose::local));
  }
  out.nil();
  send_over_existing_connection(self.host(), self.self(), peer, out.take());
  if (!known(peer) && meet(self, peer)) discover(self.host(), self.self(), peer);
}

// All members of that node: differences to the known ones are joins and leaves.
void pg_scope::on_sync(process& self, const runtime::pid& peer, etf::cursor at) {
  if (!known(peer) && !meet(self, peer)) return;
  pg_groups wanted(work_);
  std::uint32_t count = 0;
  if (!at.read_list(count)) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    etf::bytes group;
    if (!at.read_tuple_of(2) || !read_long_term(at, group, work_)) return;
    work_.add(group.size());
    const auto members = read_pids(self, at, peer.node);
    if (!members) return;
    if (wanted.memberships(peer.node) + members->size() > bounds_.groups) {
      router_.disconnect(peer.node, too_many());
      return;
    }
    if (!join_all(wanted, group, *members)) {
      router_.disconnect(peer.node, too_long());
      return;
    }
  }
  const auto [left, joined] = groups_.replace(peer.node, wanted);
  for (const auto& [group, who] : left) tell_watchers(self, "leave", base::as_bytes(group), who);
  for (const auto& [group, who] : joined) tell_watchers(self, "join", base::as_bytes(group), who);
}

// {join, Peer, Group, PidOrPids}
void pg_scope::on_join(process& self, const runtime::pid& peer, etf::cursor at) {
  etf::bytes group;
  if (!known(peer) || !read_long_term(at, group, work_)) return;
  const auto joining = read_pids(self, at, peer.node);
  if (!joining) return;
  if (groups_.memberships(peer.node) + joining->size() > bounds_.groups) {
    router_.disconnect(peer.node, too_many());
    return;
  }
  if (!join_all(groups_, group, *joining)) {
    router_.disconnect(peer.node, too_long());
    return;
  }
  tell_watchers(self, "join", group, *joining);
}

// {leave, Peer, PidOrPids, Groups}
void pg_scope::on_leave(process& self, const runtime::pid& peer, etf::cursor at) {
  if (!known(peer)) return;
  const auto leaving = read_pids(self, at, peer.node);
  if (!leaving) return;
  std::uint32_t count = 0;
  std::vector<etf::bytes> groups;
  if (etf::bytes numbers; at.read_string(numbers)) { // groups that are named by small integers
    work_.add(numbers.size());
    for (const std::uint8_t number : numbers) groups.push_back(runtime::small_integer(number));
  } else if (!at.read_list(count)) {
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    work_.add();
    etf::bytes group;
    if (!read_long_term(at, group, work_)) return;
    if (group.size() <= longest_key) groups.push_back(group); // it has joined no others
  }
  for (const auto& [group, who] : groups_.leave(groups, *leaving))
    tell_watchers(self, "leave", base::as_bytes(group), who);
}

void pg_scope::on_down(process& self, etf::cursor at) {
  const auto ref = runtime::read_reference(at, self.host().nodes());
  const auto found = ref ? watches_.find(*ref) : watches_.end();
  if (found == watches_.end()) return;
  const watch gone{found->second.what, found->second.who, {}};
  stop_watch(found);
  if (gone.what == watch::kind::member) member_ended(self, gone.who);
  if (gone.what == watch::kind::peer) peer_ended(self, gone.who);
}

void pg_scope::member_ended(process& self, const runtime::pid& who) {
  members_.erase(who);
  const auto left = groups_.leave_all(who);
  std::uint32_t count = 0;
  for (const auto& [group, times] : left) count += times;
  message_writer out;
  out.tuple(4);
  out.atom("leave");
  runtime::write(out, self.self(), self.host().nodes());
  runtime::write(out, who, self.host().nodes());
  out.list(count);
  for (const auto& [group, times] : left) {
    for (std::uint32_t i = 0; i < times; ++i) {
      work_.add(group.size());
      out.raw(base::as_bytes(group));
      tell_watchers(self, "leave", base::as_bytes(group), {who});
    }
  }
  out.nil();
  tell_peers(self, out.take());
}

// The node's members leave with its scope, unless a new scope has replaced them already.
void pg_scope::peer_ended(process& self, const runtime::pid& peer) {
  peers_.erase(peer);
  for (const auto& [other, monitor] : peers_) {
    if (other.node == peer.node) return;
  }
  std::map<std::string, pids> left;
  for (const auto& who : groups_.of_node(peer.node)) {
    for (auto& [group, times] : groups_.leave_all(who)) {
      auto& from = left[std::move(group)];
      from.insert(from.end(), times, who);
    }
  }
  for (const auto& [group, who] : left) tell_watchers(self, "leave", base::as_bytes(group), who);
}

} // namespace coppice::services
