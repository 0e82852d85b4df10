// SPDX-License-Identifier: MIT
// Signals in the order they came, linked by their own `next` to a ring: no memory beyond theirs, and a list
// is one pointer. Owns what is in it. One thread at a time.
#pragma once

#include <utility>

#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

class signal_list {
 public:
  signal_list() = default;
  signal_list(signal_list&& from) noexcept : last_(std::exchange(from.last_, nullptr)) {}
  signal_list& operator=(signal_list&& from) noexcept {
    std::swap(last_, from.last_);
    return *this;
  }
  ~signal_list() { clear(); }

  bool empty() const { return last_ == nullptr; }
  // To look at; null: it is empty.
  const signal* first() const { return last_ == nullptr ? nullptr : last_->next; }
  const signal* last() const { return last_; }
  // What comes behind `one`, which is in it; null: that is the last.
  const signal* after(const signal* one) const { return one == last_ ? nullptr : one->next; }

  void push_back(signal_ptr one) { push_back(one.release()); }
  void push_back(signal* owned) { append(owned, owned); }
  // A chain, linked but for its last.
  void append(signal* from, signal* to) {
    if (last_ == nullptr) {
      to->next = from;
    } else {
      to->next = last_->next;
      last_->next = from;
    }
    last_ = to;
  }
  // Behind `before`, which is in it; null: in front.
  void insert_after(signal* before, signal_ptr one) {
    if (before == last_) return push_back(std::move(one)); // or it is empty
    signal* const owned = one.release();
    signal* const at = before == nullptr ? last_ : before;
    owned->next = std::exchange(at->next, owned);
  }

  signal_ptr pop_front() {
    if (last_ == nullptr) return nullptr;
    signal* const taken = last_->next;
    if (taken == last_)
      last_ = nullptr;
    else
      last_->next = taken->next;
    return signal_ptr(taken);
  }

  // Takes out those that `wanted` says yes to, until `enough` does, which is asked before each.
  template <class Wanted, class Enough>
  signal_list take(Wanted wanted, Enough enough) {
    signal_list kept;
    signal_list taken;
    while (!empty() && !enough()) {
      signal* const one = pop_front().release();
      (wanted(*one) ? taken : kept).push_back(one);
    }
    prepend(std::move(kept));
    return taken;
  }

  void clear() {
    while (!empty()) pop_front().reset();
  }

 private:
  void prepend(signal_list&& before) {
    signal* const end = std::exchange(before.last_, nullptr);
    if (end == nullptr) return;
    if (last_ == nullptr)
      last_ = end;
    else
      std::swap(end->next, last_->next);
  }

  signal* last_ = nullptr; // whose `next` is the first
};

} // namespace coppice::runtime
