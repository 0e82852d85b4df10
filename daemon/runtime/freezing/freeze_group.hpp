// SPDX-License-Identifier: MIT
// What a freezer shares with the workers' gates (gate.hpp). Each worker has a cell of its own with the
// members that live there (a member does not move), and does its part of an order, the freezer's word what
// members are to do, without asking anybody; it counts them down and tells the others only when it is
// through. Kept alive by whoever may still look, so that a worker that is stuck finds it when it comes back.
// Private to the room.
//
// `open` counts members that are not made yet and workers that are behind. When it comes to 0 while members
// are to stand still it is sealed in the same step: from then on none of them thaws for a call, and the
// freezer's owner can rely on it.
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
  // Written by the worker it lives on. A line of its own, as for the next one: neighbours are of different
  // workers.
  struct alignas(64) member {
    pid who;
    std::size_t number = 0;
    process_record* is = nullptr; // these two for that worker; valid until it is gone
    membership* part = nullptr;
    std::atomic<bool> frozen{false};
    std::atomic<bool> gone{false};        // dead, or let go
    std::atomic<std::uint32_t> round{0};  // of the last order it has carried out
    bool was_in_callback = false;         // when it was to freeze
    std::atomic<bool> in_callback{false}; // counted in freeze_group::in_callbacks
  };
  struct order {
    std::uint32_t round = 0; // from 1
    freezer::work what;
    bool let_go = false; // afterwards, and until then nobody freezes
  };
  // One worker's thread only.
  struct alignas(64) cell {
    std::weak_ptr<freeze_group> group; // with a count of its own: workers share none
    const order* now = nullptr;
    std::vector<member*> members;
    std::size_t next = 0;      // of members: to be given a turn for the order
    std::size_t alive = 0;     // members that are not gone
    std::size_t behind = 0;    // of these, those that have not carried out the order
    std::vector<member*> mail; // frozen ones with messages
  };

  explicit freeze_group(system& of);
  ~freeze_group();
  freeze_group(const freeze_group&) = delete;
  freeze_group& operator=(const freeze_group&) = delete;

  // The owner's thread: members are made, get the newest order, or are let go, on the workers they live on. A
  // member that has moved before it was made is followed.
  void make_members(std::span<member* const> who);
  void give_order();
  void disband();
  // Any thread. Finds out through whom the calls of these go.
  void follow_calls(std::vector<pid> of);
  // Frozen members look at all their messages again, for those that hold somebody up.
  void look_everywhere();

  // One that was open is not any more. Any thread.
  void one_less();
  // One more; false: it is sealed.
  bool one_more();
  // On the member's worker: it has carried out the order; it has to do so again, after a message (false: too
  // late for that); it is dead or was let go.
  void did(cell& here, member& one);
  bool thaws(cell& here, member& one);
  void lost(cell& here, member& one);
  // A callback that was under way at hold() is over. Any thread.
  void note_end_of_callback();
  // Whether a member that has not frozen may wait for what `from` has sent, or for its getting room. Any
  // thread.
  bool holds_up(const pid& from) const;
  // A process that a member's call goes through, or its node. True: that is new. Any thread.
  bool goes_through(const pid& through);

  static constexpr std::uint64_t sealed = std::uint64_t{1} << 63;

  system& host;
  std::vector<cell> cells;  // by worker
  std::deque<order> orders; // the owner's thread appends, and tells the workers
  alignas(64) std::atomic<std::uint64_t> open{0};
  std::atomic<bool> still{false};             // members are to stand still
  std::atomic<bool> over{false};              // the freezer is gone
  std::atomic<std::uint32_t> in_callbacks{0}; // members that may wait for others before they freeze
  std::atomic<unsigned> keeping{0};           // workers that may still keep members from their messages
  base::nanos asked_at = 0;                   // by hold()
  std::atomic<base::nanos> free_at{0};
  std::atomic<base::nanos> last_callback{0}; // when it ended, after asked_at; 0: there was none

  mutable std::mutex lock; // of what follows
  std::condition_variable_any changed;
  std::deque<member> members; // the owner's thread appends and may read without the lock
  std::unordered_map<pid, member*, pid_hash> by_pid;
  std::unordered_set<pid, pid_hash> between; // processes that calls of members go through
  std::unordered_set<std::uint32_t> nodes;   // and other nodes
};

} // namespace coppice::runtime
