// SPDX-License-Identifier: MIT
// A member's simulated disk: how a write changes it. The parts of a write are applied in the order given in
// consensus/effects.hpp.
#include "disk.hpp"

#include <algorithm>

namespace coppice::consensus::simulation {

std::optional<std::uint64_t> disk::sync(std::size_t count) {
  std::uint64_t last = 0;
  for (; count > 0 && !waiting_.empty(); --count) {
    const write& next = waiting_.front();
    if ((refuses > 0 && --refuses == 0) || (full && (!next.entries.empty() || next.piece))) {
      waiting_.clear();
      return {};
    }
    last = waiting_.front().number;
    carry_out(waiting_.front());
    waiting_.pop_front();
  }
  return last;
}

void disk::crash(dice& chance) {
  if (!waiting_.empty() && chance.chance(500)) sync(chance.below(waiting_.size() + 1));
  waiting_.clear();
  incoming_.clear();
  refuses = 0;
}

void disk::carry_out(write& one) {
  if (one.cluster) cluster_ = *one.cluster;
  if (one.hard) synced_.hard = *one.hard;
  if (one.piece) {
    if (one.piece->offset == 0) incoming_.clear();
    const auto bytes = one.piece->bytes.bytes();
    incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
  }
  std::vector<entry>& log = synced_.entries;
  const auto drop_first = [&](log_index upto) {
    const auto gone = std::min<std::size_t>(upto - synced_.before, log.size());
    log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(gone));
  };
  if (one.install) {
    if (one.piece) keep_snapshot(*one.install, payload(incoming_));
    synced_.snapshot = *one.install;
    if (one.keep_log)
      drop_first(one.install->index);
    else
      log.clear();
    synced_.before = one.install->index;
    synced_.before_term = one.install->term;
  }
  if (one.compact_to > synced_.before) {
    drop_first(one.compact_to);
    synced_.before = one.compact_to;
    synced_.before_term = one.compact_term;
  }
  if (one.truncate_from > 0)
    log.resize(std::min<std::size_t>(log.size(), one.truncate_from - synced_.before - 1));
  for (entry& added : one.entries) log.push_back(std::move(added));
}

void disk::keep_snapshot(const snapshot_meta& meta, const payload& bytes) {
  snapshots_[{meta.index, meta.digest}] = bytes;
  if (meta.index > synced_.snapshot.index) synced_.snapshot = meta;
}

const payload* disk::bytes_of(const snapshot_meta& meta) const {
  const auto found = snapshots_.find({meta.index, meta.digest});
  return found == snapshots_.end() ? nullptr : &found->second;
}

void disk::keep_only_snapshot_in_use() {
  const snapshot_meta& used = synced_.snapshot;
  std::erase_if(snapshots_, [&](const auto& one) { return one.first != std::pair(used.index, used.digest); });
}

void disk::release(const snapshot_meta& meta) {
  snapshots_.erase({meta.index, meta.digest});
}

} // namespace coppice::consensus::simulation
