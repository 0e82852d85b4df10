// SPDX-License-Identifier: MIT
// What a freezer shares with the workers' gates (gate.hpp). An order is what members have to do, given by the
// freezer. Each worker has a cell with the members that live there (a member does not move) and carries the
// order out for these without asking other threads; it counts them down, and tells the others only when all
// have done it. The group is kept alive by every thread that may still look at it, so that a worker that was
// stuck finds it later. Private to the room.
//
// `open` counts members that are not made yet and workers that have not carried out the order. When it gets
// to 0 while members have to stand still, the group is sealed in the same step: from then on no member thaws
// for a call, and the freezer's owner can rely on it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "runtime/freezing/freezer.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

class process_record;
struct membership;

struct freeze_group : std::enable_shared_from_this<freeze_group> {
  // Written by the worker on which the process lives. Each has a cache line of its own, as neighbours may
  // belong to different workers.
  struct alignas(64) member {
    pid who;
    std::size_t number = 0;
    process_record* is = nullptr; // is and part: for that worker; valid until the member is gone
    membership* part = nullptr;
    std::atomic<bool> frozen{false};
    std::atomic<bool> gone{false};        // dead, or released
    std::atomic<std::uint32_t> round{0};  // of the last order that it has carried out
    bool was_in_callback = false;         // when it had to freeze
    std::atomic<bool> in_callback{false}; // counted in freeze_group::in_callbacks
  };
  struct order {
    std::uint32_t round = 0; // from 1
    freezer::work what;
    bool let_go = false; // the member is released afterwards; until then it does not freeze
  };
  // For one worker's thread only.
  struct alignas(64) cell {
    std::weak_ptr<freeze_group> group; // with a reference count of its own, so that workers share none
    const order* now = nullptr;
    std::vector<member*> members;
    std::size_t next = 0;      // index of the next member that gets a turn for the order
    std::size_t alive = 0;     // members that are not gone
    std::size_t behind = 0;    // of those, members that have not carried out the order
    std::vector<member*> mail; // frozen members with messages
  };

  explicit freeze_group(system& of);
  ~freeze_group();
  freeze_group(const freeze_group&) = delete;
  freeze_group& operator=(const freeze_group&) = delete;

  // For the owner's thread: on the workers where the processes live, makes members, gives them the newest
  // order, or releases them. A process that has moved before it became a member is followed.
  void make_members(std::span<member* const> who);
  void give_order();
  void disband();
  // Any thread. Finds out through which other processes the calls of these go.
  void follow_calls(std::vector<pid> of);
  // Frozen members look through all their messages again, for those that hold up another process.
  void look_everywhere();

  // Decrements `open`. Any thread.
  void one_less();
  // Increments `open`. False: the group is sealed. Any thread.
  bool one_more();
  // On the member's worker. did(): it has carried out the order. thaws(): it has to do so again, after a
  // message; false: the group is sealed. lost(): it has died or was released.
  void did(cell& here, member& one);
  bool thaws(cell& here, member& one);
  void lost(cell& here, member& one);
  // A callback that was under way at hold() has ended. Any thread.
  void note_end_of_callback();
  // Whether a member that has not frozen yet may wait for the answer to what `from` has sent, or for its
  // room. Any thread.
  bool holds_up(const pid& from) const;
  // Notes a process, or its node, through which a member's call goes. True: it was not known yet. Any thread.
  bool goes_through(const pid& through);

  static constexpr std::uint64_t sealed = std::uint64_t{1} << 63;

  system& host;
  std::vector<cell> cells;  // by worker
  std::deque<order> orders; // the owner's thread appends, and tells the workers
  alignas(64) std::atomic<std::uint64_t> open{0};
  std::atomic<bool> still{false};             // members have to stand still
  std::atomic<bool> over{false};              // the freezer is gone
  std::atomic<std::uint32_t> in_callbacks{0}; // members that may wait for others before they freeze
  std::atomic<unsigned> keeping{0};           // workers that may still keep members from their messages
  base::nanos asked_at = 0;                   // monotonic, by hold()
  std::atomic<base::nanos> free_at{0};
  // When the last callback ended, after asked_at; 0: there was none.
  std::atomic<base::nanos> last_callback{0};

  mutable std::mutex lock; // guards what follows
  std::condition_variable_any changed;
  std::deque<member> members; // the owner's thread appends, and may read without the lock
  std::unordered_map<pid, member*, pid_hash> by_pid;
  std::unordered_set<pid, pid_hash> between; // processes of this node through which calls of members go
  std::unordered_set<std::uint32_t> nodes;   // other nodes through which they go
};

} // namespace coppice::runtime
