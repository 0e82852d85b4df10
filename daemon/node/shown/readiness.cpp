// SPDX-License-Identifier: MIT
// The waiting functions are called without the lock.
#include "node/shown/readiness.hpp"

namespace coppice::node {

std::uint64_t readiness::add(told done) {
  base::status outcome;
  {
    const std::scoped_lock held(lock_);
    if (!settled_) {
      waiting_.emplace(next_, std::move(done));
      return next_++;
    }
    outcome = outcome_;
  }
  done(outcome);
  return 0;
}

void readiness::forget(std::uint64_t id) {
  const std::scoped_lock held(lock_);
  waiting_.erase(id);
}

void readiness::settle(base::status outcome) {
  std::map<std::uint64_t, told> tell;
  {
    const std::scoped_lock held(lock_);
    if (settled_ && outcome_.has_value() && !outcome.has_value()) outcome_ = outcome;
    if (settled_) return;
    settled_ = true;
    outcome_ = outcome;
    tell.swap(waiting_);
  }
  for (auto& [id, done] : tell) done(outcome);
}

bool readiness::ready() const {
  const std::scoped_lock held(lock_);
  return settled_ && outcome_.has_value();
}

} // namespace coppice::node
