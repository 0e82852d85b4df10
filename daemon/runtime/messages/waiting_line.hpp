// SPDX-License-Identifier: MIT
// What waits outside of a full mailbox, first come first served: the messages of senders that are parked
// until there is room; what senders of other nodes have sent, who cannot park, signals behind their own
// messages; or, where the policy is to drop what is old, the newest messages (their senders do not wait).
// And senders that rest since much is in the mailbox, though all they sent is (resting.cpp).
//
// Any thread; `lock_` guards all but the three atomics, which are hints for those that look without it.
// While something waits, whoever sends goes behind it: so the order of each sender's signals holds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/messages/signal_list.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::runtime {

class waiting_line {
 public:
  // A process parked in its wait `number`.
  struct sleeper {
    pid who; // none: nobody waits for this
    std::uint64_t number = 0;
    friend bool operator==(const sleeper&, const sleeper&) = default;
  };
  struct entry {
    sleeper sender;
    signal_ptr what;
  };
  // Who rests is woken when no more messages than this are left.
  static constexpr std::uint64_t little = 1'000;
  enum class left : std::uint8_t { nothing, message, rest };

  // Nothing waits: a hint for those that do not own the mailbox.
  bool empty() const { return size_.load(std::memory_order_relaxed) == 0; }

  // The message of a sender that parks.
  void wait(const sleeper& sender, signal_ptr what);
  // A signal of another node. All such have `most` bytes here at most: nothing, and `what` is left, where
  // that would be more. Else whether it is the only one that waits.
  std::optional<bool> overflow(signal_ptr& what, std::uint64_t most);
  // Whether something of this sender of another node waits.
  bool has_overflow_of(const pid& sender) const;
  // The newest of what was sent: of more than `most` messages the oldest is taken out. First: whether it is
  // the only one that waits.
  std::pair<bool, signal_ptr> push_newest(signal_ptr what, std::uint32_t most);

  // Does `what` if nothing waits, and nobody begins to wait meanwhile. False: something waits, or `what` did
  // nothing.
  template <class What>
  bool if_empty(What what) {
    const std::lock_guard guard(lock_);
    return waiting_.empty() && what();
  }

  // The owner of the mailbox. The first that waits, if `enters`, asked once, lets it in: `before` is done
  // first, and until it is out nothing else enters.
  template <class Enters, class Before>
  std::optional<entry> take_first(Enters enters, Before before) {
    if (empty()) return std::nullopt;
    const std::lock_guard guard(lock_);
    if (waiting_.empty() || !enters(*waiting_.front().what)) return std::nullopt;
    before();
    entry first = std::move(waiting_.front());
    waiting_.pop_front();
    note_size();
    if ((first.what->flags & signal::remote) != 0) leave_overflow(*first.what);
    return first;
  }
  // All messages that wait where what is old is dropped; `before` as above.
  template <class Before>
  signal_list take_newest(Before before) {
    signal_list all;
    const std::lock_guard guard(lock_);
    before();
    for (entry& one : waiting_) all.push_back(std::move(one.what));
    waiting_.clear();
    newest_ = 0;
    note_size();
    return all;
  }
  template <class Wanted>
  bool any_of(Wanted wanted) const {
    const std::lock_guard guard(lock_);
    for (const entry& one : waiting_)
      if (one.sender.who && wanted(one.sender.who)) return true;
    return false;
  }

  // It waits, or rests, no longer.
  left leave(const sleeper& one);
  // The mailbox's owner has died: all that waits, and all that rest.
  std::pair<std::deque<entry>, std::vector<sleeper>> take_all();

  // Resting. False: as many as may already do.
  bool rest(const sleeper& one);
  bool anyone_rests() const { return rests_.load(std::memory_order_relaxed); }
  std::vector<sleeper> take_resting();
  // Somebody rested in vain, and the owner's turn goes on.
  bool stalled() const { return stalled_.load(std::memory_order_relaxed); }
  void set_stalled(bool is) { stalled_.store(is, std::memory_order_relaxed); }

 private:
  void note_size() { size_.store(waiting_.size(), std::memory_order_relaxed); }
  void leave_overflow(const signal& what);

  mutable std::mutex lock_;
  std::deque<entry> waiting_;
  // Of other nodes' senders: how many signals of each wait here, and the bytes of all.
  flat_table<pid, std::uint32_t, pid_hash> overflowing_;
  std::uint64_t overflow_ = 0;
  std::uint32_t newest_ = 0; // messages that wait where what is old is dropped
  std::vector<sleeper> resting_;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> rests_{false};
  std::atomic<bool> stalled_{false};
};

} // namespace coppice::runtime
