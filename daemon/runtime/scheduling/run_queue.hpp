// SPDX-License-Identifier: MIT
// The processes of one worker that are ready to run, by priority as in Erlang: max before high before the
// rest; low ones share with normal ones but are picked eight times less often. Of the normal ones those that
// were woken go before the busy, whose last turn ended with more to do: who answers one message and rests
// does not wait for a round of all that never do. The busy have every fifth turn at least. FIFO in each of
// these, but for push_first(). The worker's thread only.
#pragma once

#include <array>
#include <cstddef>

#include "runtime/processes/process_record.hpp"

namespace coppice::runtime {

template <process_record* process_record::*Link>
class run_queue_of {
 public:
  void push(process_record* ready, priority of, bool busy = false) {
    const std::size_t which = busy && of == priority::normal ? busy_ones : index(of);
    append(queues_[which], ready);
    ++size_;
    if (which != index(priority::normal)) ++others_;
  }

  // Before all others of normal priority, which it has.
  void push_first(process_record* ready) {
    queue& woken = queues_[index(priority::normal)];
    ready->*Link = woken.first;
    if (woken.last == nullptr) woken.last = ready;
    woken.first = ready;
    ++size_;
  }

  process_record* pop() {
    if (size_ == 0) return nullptr;
    --size_;
    if (others_ == 0) [[likely]]
      return take(index(priority::normal));
    for (const priority urgent : {priority::max, priority::high})
      if (process_record* next = take(index(urgent))) return next;
    const bool low_turn = ++normal_turns_ % 8 == 0;
    if (process_record* next = low_turn ? take(index(priority::low)) : take_normal()) return next;
    return low_turn ? take_normal() : take(index(priority::low));
  }

  std::size_t size() const { return size_; }

  // Moves those that `hurries` says yes to before all others, in their order.
  template <class Hurries>
  void hurry(Hurries hurries) {
    queue first;
    for (queue& from : queues_) {
      const std::size_t moved = sift(from, first, size_, hurries);
      if (&from == &queues_[index(priority::normal)]) others_ += moved;
    }
    if (first.first == nullptr) return;
    queue& urgent = queues_[index(priority::max)];
    first.last->*Link = urgent.first;
    if (urgent.last == nullptr) urgent.last = first.last;
    urgent.first = first.first;
  }

  // Takes out every second one of those that may leave, `most` at most, less urgent ones first; a list.
  template <class MayLeave>
  process_record* split(std::size_t most, MayLeave may_leave) {
    queue out;
    for (const std::size_t of : {index(priority::normal), busy_ones, index(priority::low),
                                 index(priority::high), index(priority::max)}) {
      bool keep = of != index(priority::normal);
      const std::size_t moved = sift(queues_[of], out, most, [&](process_record& one) {
        keep = !keep;
        return !keep && may_leave(one);
      });
      most -= moved;
      size_ -= moved;
      if (of != index(priority::normal)) others_ -= moved;
    }
    return out.first;
  }

 private:
  struct queue {
    process_record* first = nullptr;
    process_record* last = nullptr;
  };
  static constexpr std::size_t busy_ones = 4; // behind the priorities
  static constexpr std::size_t index(priority of) { return static_cast<std::size_t>(of); }

  static void append(queue& to, process_record* one) {
    one->*Link = nullptr;
    (to.last == nullptr ? to.first : to.last->*Link) = one;
    to.last = one;
  }
  // Moves those that `wanted` says yes to, `most` at most, to the end of `to`, in their order. How many.
  template <class Wanted>
  static std::size_t sift(queue& from, queue& to, std::size_t most, Wanted wanted) {
    std::size_t moved = 0;
    process_record* before = nullptr;
    for (process_record* one = from.first; one != nullptr && moved != most;) {
      process_record* const after = one->*Link;
      if (wanted(*one)) {
        (before == nullptr ? from.first : before->*Link) = after;
        if (from.last == one) from.last = before;
        append(to, one);
        ++moved;
      } else {
        before = one;
      }
      one = after;
    }
    return moved;
  }

  process_record* take_normal() {
    const bool woken_turn = queues_[busy_ones].first == nullptr || ++woken_turns_ < 5;
    if (woken_turn)
      if (process_record* next = take(index(priority::normal))) return next;
    woken_turns_ = 0;
    if (process_record* next = take(busy_ones)) return next;
    return take(index(priority::normal));
  }
  process_record* take(std::size_t of) {
    queue& from = queues_[of];
    process_record* next = from.first;
    if (next == nullptr) return nullptr;
    from.first = next->*Link;
    if (from.first == nullptr) from.last = nullptr;
    if (of != index(priority::normal)) --others_;
    return next;
  }

  std::array<queue, 5> queues_;
  std::size_t size_ = 0;
  std::size_t others_ = 0; // of them: all but the woken ones of normal priority
  unsigned normal_turns_ = 0;
  unsigned woken_turns_ = 0; // since the busy had one
};

} // namespace coppice::runtime
