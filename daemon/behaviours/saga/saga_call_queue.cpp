// SPDX-License-Identifier: MIT
// See saga_call_queue.hpp.
#include "behaviours/saga/saga_call_queue.hpp"

#include <utility>

namespace coppice::behaviours {

void saga_call_queue::push(saga::call one) {
  bytes_ += one.value.encoded.size();
  if (one.token != 0) arrivals_[one.token] = last_ + 1;
  calls_.emplace(++last_, std::move(one));
}

saga::call saga_call_queue::pop() {
  const auto first = calls_.begin();
  saga::call out = std::move(first->second);
  calls_.erase(first);
  bytes_ -= out.value.encoded.size();
  arrivals_.erase(out.token);
  return out;
}

bool saga_call_queue::remove(std::uint64_t token) {
  const auto known = arrivals_.find(token);
  if (known == arrivals_.end()) return false;
  const auto waits = calls_.find(known->second);
  bytes_ -= waits->second.value.encoded.size();
  calls_.erase(waits);
  arrivals_.erase(known);
  return true;
}

void saga_call_queue::clear() {
  calls_.clear();
  arrivals_.clear();
  bytes_ = 0;
}

} // namespace coppice::behaviours
