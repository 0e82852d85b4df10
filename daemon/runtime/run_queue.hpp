// SPDX-License-Identifier: MIT
// The processes of one worker that are ready to run, by priority as in Erlang: max before high before the
// rest; low ones share with normal ones but are picked eight times less often. FIFO within a priority.
// The worker's thread only.
#pragma once

#include <array>
#include <cstddef>

#include "runtime/process.hpp"

namespace coppice::runtime {

template <process* process::*Link>
class run_queue_of {
 public:
  void push(process* ready, priority of) {
    queue& into = queues_[static_cast<std::size_t>(of)];
    ready->*Link = nullptr;
    (into.last == nullptr ? into.first : into.last->*Link) = ready;
    into.last = ready;
    ++size_;
  }

  process* pop() {
    if (size_ == 0) return nullptr;
    --size_;
    for (const priority urgent : {priority::max, priority::high})
      if (process* next = take(urgent)) return next;
    const bool low_turn = ++normal_turns_ % 8 == 0;
    if (process* next = take(low_turn ? priority::low : priority::normal)) return next;
    return take(low_turn ? priority::normal : priority::low);
  }

  std::size_t size() const { return size_; }

  // Moves those that `hurries` says yes to before all others, in their order.
  template <class Hurries>
  void hurry(Hurries hurries) {
    queue first;
    for (queue& from : queues_) {
      process* before = nullptr;
      for (process* one = from.first; one != nullptr;) {
        process* const after = one->*Link;
        if (hurries(*one)) {
          (before == nullptr ? from.first : before->*Link) = after;
          if (from.last == one) from.last = before;
          one->*Link = nullptr;
          (first.last == nullptr ? first.first : first.last->*Link) = one;
          first.last = one;
        } else {
          before = one;
        }
        one = after;
      }
    }
    if (first.first == nullptr) return;
    queue& urgent = queues_[static_cast<std::size_t>(priority::max)];
    first.last->*Link = urgent.first;
    if (urgent.last == nullptr) urgent.last = first.last;
    urgent.first = first.first;
  }

  // Takes out every second one of those that may leave, `most` at most, less urgent ones first; a list.
  template <class MayLeave>
  process* split(std::size_t most, MayLeave may_leave) {
    process* out = nullptr;
    process** end = &out;
    for (const priority of : {priority::normal, priority::low, priority::high, priority::max}) {
      queue& from = queues_[static_cast<std::size_t>(of)];
      process* before = nullptr;
      bool keep = of != priority::normal;
      for (process* one = from.first; one != nullptr && most != 0;) {
        process* const after = one->*Link;
        keep = !keep;
        if (keep || !may_leave(*one)) {
          before = one;
        } else {
          (before == nullptr ? from.first : before->*Link) = after;
          if (from.last == one) from.last = before;
          *end = one;
          end = &(one->*Link);
          one->*Link = nullptr;
          --size_;
          --most;
        }
        one = after;
      }
    }
    return out;
  }

 private:
  struct queue {
    process* first = nullptr;
    process* last = nullptr;
  };
  process* take(priority of) {
    queue& from = queues_[static_cast<std::size_t>(of)];
    process* next = from.first;
    if (next == nullptr) return nullptr;
    from.first = next->*Link;
    if (from.first == nullptr) from.last = nullptr;
    return next;
  }

  std::array<queue, 4> queues_;
  std::size_t size_ = 0;
  unsigned normal_turns_ = 0;
};

} // namespace coppice::runtime
