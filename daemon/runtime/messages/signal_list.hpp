// SPDX-License-Identifier: MIT
// A list of signals in order of arrival. The signals are linked to a ring by their own `next`: the list needs
// no other memory than one pointer. Owns its signals. One thread at a time.
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
  // Null: the list is empty.
  const signal* first() const { return last_ == nullptr ? nullptr : last_->next; }
  const signal* last() const { return last_; }
  // The signal behind `one`, which has to be in the list. Null: `one` is the last.
  const signal* after(const signal* one) const { return one == last_ ? nullptr : one->next; }

  void push_back(signal_ptr one) { push_back(one.release()); }
  void push_back(signal* owned) { append(owned, owned); }
  // A chain; all but its last signal are linked.
  void append(signal* from, signal* to) {
    if (last_ == nullptr) {
      to->next = from;
    } else {
      to->next = last_->next;
      last_->next = from;
    }
    last_ = to;
  }
  // Behind `before`, which has to be in the list. Null: in front.
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

  // Takes out the signals for which `wanted` is true, until `enough` is true, which is asked before each.
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

  signal* last_ = nullptr; // its `next` is the first; null: the list is empty
};

} // namespace coppice::runtime
