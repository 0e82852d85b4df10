// SPDX-License-Identifier: MIT
// Signals in the order they came, linked by their own `next`: no memory beyond theirs. Owns what is in it.
// One thread at a time.
#pragma once

#include <utility>

#include "runtime/messages/signal.hpp"

namespace coppice::runtime {

class signal_list {
 public:
  signal_list() = default;
  signal_list(signal_list&& from) noexcept
      : first_(std::exchange(from.first_, nullptr)), last_(std::exchange(from.last_, nullptr)) {}
  signal_list& operator=(signal_list&& from) noexcept {
    std::swap(first_, from.first_);
    std::swap(last_, from.last_);
    return *this;
  }
  ~signal_list() { clear(); }

  bool empty() const { return first_ == nullptr; }
  // To look at; null: it is empty.
  const signal* first() const { return first_; }
  const signal* last() const { return last_; }

  void push_back(signal_ptr one) { push_back(one.release()); }
  void push_back(signal* owned) {
    owned->next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = owned;
    last_ = owned;
  }
  // A chain that ends with null.
  void append(signal* from, signal* to) {
    (first_ == nullptr ? first_ : last_->next) = from;
    last_ = to;
  }
  // Behind `before`, which is in it; null: in front.
  void insert_after(signal* before, signal_ptr one) {
    signal* const owned = one.release();
    owned->next = std::exchange(before == nullptr ? first_ : before->next, owned);
    if (last_ == before) last_ = owned;
  }

  signal_ptr pop_front() {
    signal_ptr taken(first_);
    if (taken == nullptr) return taken;
    first_ = taken->next;
    if (first_ == nullptr) last_ = nullptr;
    return taken;
  }

  // Takes out those that `wanted` says yes to, until `enough` does, which is asked before each.
  template <class Wanted, class Enough>
  signal_list take(Wanted wanted, Enough enough) {
    signal_list taken;
    signal* before = nullptr;
    for (signal* at = first_; at != nullptr && !enough();) {
      signal* const after = at->next;
      if (wanted(*at)) {
        (before == nullptr ? first_ : before->next) = after;
        if (last_ == at) last_ = before;
        taken.push_back(at);
      } else {
        before = at;
      }
      at = after;
    }
    return taken;
  }

  void clear() {
    while (!empty()) pop_front().reset();
  }

 private:
  signal* first_ = nullptr;
  signal* last_ = nullptr;
};

} // namespace coppice::runtime
