// SPDX-License-Identifier: MIT
// The line of what waits outside a full mailbox, first come, first served: messages of senders that are
// parked until there is room; signals from senders of other nodes, which cannot park, behind their own
// messages; or, with policy drop_old, the newest messages, whose senders do not wait. It also keeps the
// senders that pause because the mailbox is long although all they sent is in it (resting.cpp).
//
// Any thread. `lock_` guards all but the three atomics, which are hints for threads that look without it.
// While something waits, later signals go behind it; so the order of each sender's signals is kept. One
// signal passes the others: an answer, or the end of the process that was asked, if the owner is parked until
// it comes. Such an owner takes no message and makes no room, so it would wait in vain.
#pragma once

#include <atomic>
#include <coppice/etf/hash.hpp>
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
    pid who; // none: no process waits for this entry
    std::uint64_t number = 0;
    friend bool operator==(const sleeper&, const sleeper&) = default;
  };
  struct entry {
    sleeper sender;
    signal_ptr what;
  };
  // Pausing senders are woken when no more messages than this are left.
  static constexpr std::uint64_t little = 1'000;
  enum class left : std::uint8_t { nothing, message, rest };

  // True: nothing waits. A hint for threads that do not own the mailbox.
  bool empty() const { return size_.load(std::memory_order_relaxed) == 0; }

  // A message of a sender that parks.
  void wait(const sleeper& sender, signal_ptr what);
  // A signal from another node. All of these together may have `most` bytes here. nullopt, and `what` is
  // unchanged: that would be exceeded. Else: whether the owner has to be told to look here, since this is the
  // only entry of the line, or may be an answer for which the owner waits.
  std::optional<bool> overflow(signal_ptr& what, std::uint64_t most);
  // Whether an entry of this sender, which is on another node, waits. A pid that is no process stands for any
  // process of its node.
  bool has_overflow_of(const pid& sender) const;
  // Keeps the newest messages: if there are more than `most`, takes the oldest out. Returns whether the new
  // entry is the only one, and the message taken out; null: none.
  std::pair<bool, signal_ptr> push_newest(signal_ptr what, std::uint32_t most);

  // Calls `what` if nothing waits; no entry can be added meanwhile. False: something waits, or `what`
  // returned false.
  template <class What>
  bool if_empty(What what) {
    const std::lock_guard guard(lock_);
    return waiting_.empty() && what();
  }

  // For the mailbox's owner. Takes the first entry if `enters`, asked once, lets it in. `before` is called
  // first, and no other signal can enter until the entry is out.
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
  // For the mailbox's owner, each time it looks. Takes the first signal of another node that may end the call
  // of this number (reference::number()), whatever stands before it. Any other number, such as that of
  // another wait: none is taken. `before`: as above.
  template <class Before>
  signal_ptr take_end_of_call(std::uint64_t number, Before before) {
    if (empty()) return nullptr;
    const std::lock_guard guard(lock_);
    told_ = false;
    if (ends_of_calls_.find(number) == nullptr) return nullptr;
    before();
    return take_remote(number);
  }
  // Takes all messages, in a mailbox with policy drop_old. `before` is called first, under the lock.
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

  // The entry or pause of this sender ends. Says what it was.
  left leave(const sleeper& one);
  // The mailbox's owner has died: takes all entries and all pausing senders.
  std::pair<std::deque<entry>, std::vector<sleeper>> take_all();

  // A sender pauses. False: as many as allowed pause already.
  bool rest(const sleeper& one);
  bool anyone_rests() const { return rests_.load(std::memory_order_relaxed); }
  std::vector<sleeper> take_resting();
  // A sender paused in vain, and the owner's turn still goes on.
  bool stalled() const { return stalled_.load(std::memory_order_relaxed); }
  void set_stalled(bool is) { stalled_.store(is, std::memory_order_relaxed); }

 private:
  // Other nodes choose the numbers.
  struct call_number_hash {
    std::size_t operator()(std::uint64_t number) const {
      return static_cast<std::size_t>(etf::table_hash(number, 0, 0));
    }
  };
  static pid all_of(std::uint32_t node) { return {node, 0, 0, 0}; }
  void leave_sender(const pid& sender);
  void note_size() { size_.store(waiting_.size(), std::memory_order_relaxed); }
  void leave_overflow(const signal& what);
  signal_ptr take_remote(std::uint64_t call);

  mutable std::mutex lock_;
  std::deque<entry> waiting_;
  // For each sender on another node the number of its signals that wait here, and the bytes of all of them.
  // An entry with the node alone, see all_of(), counts the signals of all processes of that node.
  flat_table<pid, std::uint32_t, pid_hash> overflowing_;
  std::uint64_t overflow_ = 0;
  // By the number of a call or request of the owner: how many signals of other nodes that may end it wait.
  flat_table<std::uint64_t, std::uint32_t, call_number_hash> ends_of_calls_;
  bool told_ = false;        // that such a signal waits; it has not looked since
  std::uint32_t newest_ = 0; // messages kept as the newest, with policy drop_old
  std::vector<sleeper> resting_;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> rests_{false};
  std::atomic<bool> stalled_{false};
};

} // namespace coppice::runtime
