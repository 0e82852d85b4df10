// SPDX-License-Identifier: MIT
// What a freezer shares with the workers: where each member stands, the work it should do, and how many are
// behind. Everything under one lock, held for a few instructions; kept alive by whoever may still look, so
// that a worker that is stuck finds it when it comes back. Private to the room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "runtime/freezer.hpp"
#include "runtime/signal.hpp"

namespace coppice::runtime {

struct freeze_group {
  struct member {
    bool frozen = false;
    std::uint64_t round = 0; // of the last work it has done
  };
  // What a member is to do: the newest work, and whether it is free afterwards.
  struct order {
    std::uint64_t asked = 0; // how often members were added: calls of the new ones count from then on
    std::uint64_t round = 0;
    std::shared_ptr<const freezer::work> what;
    bool let_go = false;
  };

  explicit freeze_group(std::atomic<std::uint32_t>& groups) : all_groups(groups) { ++all_groups; }
  ~freeze_group() { --all_groups; }
  freeze_group(const freeze_group&) = delete;
  freeze_group& operator=(const freeze_group&) = delete;

  std::atomic<std::uint32_t>& all_groups; // system::parts::freezers
  mutable std::mutex lock;
  std::condition_variable_any changed;
  std::unordered_map<pid, member, pid_hash> members;
  std::size_t thawed = 0; // members that are not frozen
  std::size_t behind = 0; // members that have not done the newest work
  order now;
  bool over = false; // the freezer is gone

  // A member froze, thaws for a call, has done its work, is gone or was let go.
  void froze(const pid& who);
  void thaws(const pid& who);
  void did(const pid& who, std::uint64_t round);
  void lost(const pid& who);
  order newest() const;
  std::vector<pid> all() const;
  // Whether it is a member that has not frozen, whose calls must be answered.
  bool is_thawed(const pid& who) const;
};

// A process's part in it. The owner's thread only.
struct frost {
  std::shared_ptr<freeze_group> group;
  bool frozen = false;
  bool running = false;            // messages it still has to handle
  bool at_once = false;            // does its work when idle, without freezing first
  std::uint64_t round = 0;         // of the last work done
  std::uint64_t asked = 0;         // order::asked when the messages were looked at
  bool looking = false;            // the last turn did not get through all its messages
  const signal* seen = nullptr;    // the last message that was looked at for a member's call; null: none
  const signal* answers = nullptr; // the last one found; messages up to it are handled
};

} // namespace coppice::runtime
