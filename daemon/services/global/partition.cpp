// SPDX-License-Identifier: MIT
// The nodes of this partition, the nodes in sync, and the loss of a connection: with
// prevent_overlapping_partitions (OTP 25's default) a node that lost a connection tells the others, and they
// leave the lost node too, so that no two nodes see different clusters. In the process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "runtime/system.hpp"
#include "services/answers/long_terms.hpp"
#include "services/global/name_server.hpp"

namespace coppice::services {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

// Newer versions send {Node, Version}.
bool read_node(etf::cursor& at, std::string_view& node, portions& work) {
  if (at.read_atom(node)) return true;
  return at.read_tuple_of(2) && at.read_atom(node) && skip_long_terms(at, 1, work);
}

} // namespace

bool global_name_server::know(std::string_view node) {
  if (!known_.emplace(node).second) return false;
  memory_.add(node.size() + runtime::memory_of_entry);
  return true;
}

// Reads a list of nodes into this partition. Nodes that were not in it are connected, and told that this node
// is in sync with them.
void global_name_server::add_known(process& self, etf::cursor& at, bool tell_them) {
  std::uint32_t count = 0;
  if (!at.read_list(count)) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string_view node;
    if (!read_node(at, node, work_)) return;
    work_.add();
    if (node == self.host().node_name()) continue;
    if (known_.size() >= bounds_.names) {
      base::log::counted(base::log::level::warning, "services", "global: nodes",
                         "global: a partition of more than {} nodes was cut", bounds_.names);
      return;
    }
    const auto index = self.host().nodes().intern(node);
    if (!know(node) || !index || !tell_them) continue;
    message_writer out;
    out.tuple(3);
    out.atom("in_sync");
    out.raw(own_node(self).bytes());
    out.atom("true");
    // Sending opens the connection.
    router_.brought_up(*index, self.origin().node);
    self.send_unbounded(runtime::destination::remote(registered_name, *index), cast_message(out.view()));
  }
  at.read_nil();
}

void global_name_server::write_known(etf::writer& out, std::string_view node, etf::cursor theirs) {
  std::uint32_t left = 0;
  std::uint32_t count = 1;
  etf::vector_writer others;
  theirs.read_list(left);
  for (; left != 0 && count < bounds_.names; --left) {
    const etf::bytes from = theirs.rest();
    std::string_view other;
    if (!read_node(theirs, other, work_)) break;
    const etf::bytes element = from.first(from.size() - theirs.rest().size());
    work_.add(element.size());
    if (element.size() > longest_key) continue;
    others.raw(element);
    ++count;
  }
  out.list(count);
  out.atom(node);
  out.raw(others.view());
  out.nil();
}

void global_name_server::synced_with(process& self, const std::string& node) {
  if (synced_.insert(node).second) check_waiters(self);
}

// Answers waiting callers of global:sync that have nothing left to wait for.
void global_name_server::check_waiters(process& self) {
  std::erase_if(waiters_, [&](waiter& w) {
    std::erase_if(w.nodes, [&](const std::string& node) {
      work_.add();
      return synced_.contains(node) || !partners_.contains(node);
    });
    if (!w.nodes.empty()) return false;
    waiting_at_.remove(w.node);
    behaviours::gen::reply(self, w.from, message::atom("ok"));
    return true;
  });
}

// `but`: index of a node that is not told; 0, which is this node: all are told.
void global_name_server::tell_known(process& self, const message& m, std::uint32_t but) {
  for (const auto& node : known_) {
    work_.add();
    const auto found = partners_.find(node);
    if (found != partners_.end() && found->second.node != but) tell(self, found->second.node, m);
  }
}

void global_name_server::forget(process& self, const std::string& node) {
  const auto found = partners_.find(node);
  if (found != partners_.end()) {
    end_session(self, found->second);
    partners_.erase(found);
  }
  if (known_.erase(node) != 0) memory_.remove(node.size() + runtime::memory_of_entry);
  synced_.erase(node);
  check_waiters(self);
}

void global_name_server::disconnect(process& self, const std::string& node, const std::string& why) {
  if (const auto index = self.host().nodes().find(node)) router_.disconnect(*index, "global: " + why);
}

void global_name_server::down(process& self, const std::string& node) {
  const bool ours = known_.contains(node);
  forget(self, node);
  if (!ours) return;
  message_writer out;
  out.tuple(5);
  out.atom("lost_connection");
  out.raw(own_node(self).bytes());
  out.unsigned_integer(self.host().creation());
  out.integer(++next_loss_);
  out.atom(node);
  tell_known(self, out.take());
}

void global_name_server::on_lost_connection(process& self, etf::cursor at, const message& m) {
  std::string_view reporter;
  std::string_view lost;
  std::uint64_t creation = 0;
  std::int64_t id = 0;
  if (!at.read_atom(reporter) || !at.read_unsigned(creation) || !at.read_integer(id) || !at.read_atom(lost))
    return;
  const std::uint32_t from = self.origin().node;
  switch (losses_.hear(from, {reporter, lost, creation, id}, self.now())) {
    case lost_connections::heard::again:
      return;
    case lost_connections::heard::first:
      tell_known(self, m, from);
      break;
    case lost_connections::heard::no_room:
      base::log::counted(base::log::level::warning, "services", "global: lost connections",
                         "global: {} tells of more than {} lost connections in {} s, they are not passed on",
                         self.host().nodes().name(from), lost_connections::most_by_one,
                         lost_connections::kept / base::nanos_per_second);
      break;
  }

  const std::string leave(lost == self.host().node_name() ? reporter : lost);
  if (!known_.contains(leave)) return;
  base::log::warning(
      "services",
      "global: {} lost its connection to {}: asking {} to disconnect, to prevent overlapping partitions",
      reporter, lost, leave);
  if (const auto found = partners_.find(leave); found != partners_.end()) {
    message_writer out;
    out.tuple(2);
    out.atom("remove_connection");
    out.raw(own_node(self).bytes());
    tell(self, found->second.node, out.take());
  }
  forget(self, leave);
}

void global_name_server::on_remove_connection(process& self, etf::cursor at) {
  std::string_view node;
  if (!at.read_atom(node) || !partners_.contains(node) || !speaks_for(self, node)) return;
  const std::string name(node);
  base::log::warning("services", "global: disconnecting {} at its request, to prevent overlapping partitions",
                     name);
  forget(self, name);
  disconnect(self, name, "at its request");
}

} // namespace coppice::services
