// SPDX-License-Identifier: MIT
// A member's simulated disk. Writes wait, in their order, until they are synced. A crash loses the waiting
// writes, or keeps some of the first ones, which the member was not told of. A full disk refuses writes with
// entries or a piece of a snapshot, and takes the others, unless they wait behind a write that was refused.
// One thread at a time.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "consensus/effects.hpp"
#include "dice.hpp"

namespace coppice::consensus::simulation {

class disk {
 public:
  durable_state found() const { return synced_; }
  const cluster_id& cluster() const { return cluster_; }
  void put(durable_state first, const cluster_id& of) {
    synced_ = std::move(first);
    cluster_ = of;
  }

  void submit(write&& one) { waiting_.push_back(std::move(one)); }
  bool idle() const { return waiting_.empty(); }
  // Syncs the first `count` waiting writes, at most all of them. Returns the number of the last write synced.
  // 0: no write waits. None: a write was refused, and with it all writes behind it, as the durable log does
  // it. No write waits any more.
  std::optional<std::uint64_t> sync(std::size_t count);
  bool full = false;
  std::uint64_t refuses = 0; // number of writes until one is refused, whatever it contains. 0: none
  std::size_t waiting() const { return waiting_.size(); }
  void crash(dice& chance);

  // Snapshots are synced at once.
  void keep_snapshot(const snapshot_meta& meta, const payload& bytes);
  const payload* bytes_of(const snapshot_meta& meta) const;
  void release(const snapshot_meta& meta);
  const snapshot_meta& snapshot() const { return synced_.snapshot; }
  std::size_t snapshots() const { return snapshots_.size(); }
  // What a member does at its start: it keeps only the snapshot in use.
  void keep_only_snapshot_in_use();

 private:
  void carry_out(write& one);

  durable_state synced_;
  cluster_id cluster_;
  std::deque<write> waiting_;
  std::vector<std::uint8_t> incoming_;
  std::map<std::pair<log_index, std::uint64_t>, payload> snapshots_; // by index and digest
};

} // namespace coppice::consensus::simulation
