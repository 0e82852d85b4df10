// SPDX-License-Identifier: MIT
// A member of a Raft group, from the configuration. Any thread.
#include "base/clock.hpp"
#include "behaviours/raft/raft_kind.hpp"
#include "node/assembly/child_assembly.hpp"
#include "spec/kinds/raft.hpp"

namespace coppice::node {
namespace {

std::shared_ptr<const behaviours::raft::raft_spec> group(const spec::raft_options& from) {
  auto out = std::make_shared<behaviours::raft::raft_spec>();
  out->members = from.members;
  out->join = from.join;
  out->heartbeat = base::to_nanos(from.heartbeat);
  out->election = base::to_nanos(from.election);
  out->snapshot_entries = from.snapshot.entries;
  out->snapshot_bytes = from.snapshot.bytes;
  out->keep_entries = from.snapshot.keep_entries;
  out->entry_bytes = from.limits.entry;
  out->in_flight_bytes = from.limits.in_flight;
  out->pending = from.limits.pending;
  out->clients = from.limits.clients;
  out->append_timeout = base::to_nanos(from.append_timeout);
  out->query_timeout = base::to_nanos(from.query_timeout);
  out->check = from.check;
  out->from = from.from;
  return out;
}

void give_raft(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const raft = from.find<spec::raft_options>())
    out.kind = behaviours::raft_kind(group(*raft));
}

} // namespace

child_assembly raft_assembly() {
  return {&give_raft};
}

} // namespace coppice::node
