// SPDX-License-Identifier: MIT
// The processes of one worker that are ready to run, by priority as in Erlang: `max` before `high` before the
// others; `low` shares with `normal` but is picked eight times less often. Among those of normal priority,
// woken processes go before busy ones, whose last turn ended with more to do: so a process that answers one
// message and then waits is not delayed by a round of processes that never wait. Busy processes have at least
// every fifth turn. FIFO within each of these, except for push_first(). For the worker's thread.
#pragma once

#include <array>
#include <cstddef>

#include "runtime/processes/process_record.hpp"

namespace coppice::runtime {

class run_queue {
 public:
  void push(process_record* ready, priority of, bool busy = false) {
    const std::size_t which = busy && of == priority::normal ? busy_ones : index(of);
    append(queues_[which], ready);
    ++size_;
    if (which != index(priority::normal)) ++others_;
  }

  // Before all others of normal priority. `ready` has to have normal priority.
  void push_first(process_record* ready) {
    queue& woken = queues_[index(priority::normal)];
    next_of(*ready) = woken.first;
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

  // Moves the processes for which `hurries` is true before all others, in their order.
  template <class Hurries>
  void hurry(Hurries hurries) {
    queue first;
    for (queue& from : queues_) {
      const std::size_t moved = sift(from, first, size_, hurries);
      if (&from == &queues_[index(priority::normal)]) others_ += moved;
    }
    if (first.first == nullptr) return;
    queue& urgent = queues_[index(priority::max)];
    next_of(*first.last) = urgent.first;
    if (urgent.last == nullptr) urgent.last = first.last;
    urgent.first = first.first;
  }

  // Takes out every second process that may leave, at most `most`, less urgent ones first. Returns them as a
  // list.
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
  // Index of the queue of busy processes, behind those of the priorities.
  static constexpr std::size_t busy_ones = 4;
  static constexpr std::size_t index(priority of) { return static_cast<std::size_t>(of); }

  static process_record*& next_of(process_record& one) { return one.schedule.next_in_queue; }
  static void append(queue& to, process_record* one) {
    next_of(*one) = nullptr;
    (to.last == nullptr ? to.first : next_of(*to.last)) = one;
    to.last = one;
  }
  // Moves the processes for which `wanted` is true, at most `most`, to the end of `to`, in their order.
  // Returns how many.
  template <class Wanted>
  static std::size_t sift(queue& from, queue& to, std::size_t most, Wanted wanted) {
    std::size_t moved = 0;
    process_record* before = nullptr;
    for (process_record* one = from.first; one != nullptr && moved != most;) {
      process_record* const after = next_of(*one);
      if (wanted(*one)) {
        (before == nullptr ? from.first : next_of(*before)) = after;
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
    from.first = next_of(*next);
    if (from.first == nullptr) from.last = nullptr;
    if (of != index(priority::normal)) --others_;
    return next;
  }

  std::array<queue, 5> queues_;
  std::size_t size_ = 0;
  std::size_t others_ = 0; // of size_: all except woken processes of normal priority
  unsigned normal_turns_ = 0;
  unsigned woken_turns_ = 0; // since a busy process had a turn
};

} // namespace coppice::runtime
