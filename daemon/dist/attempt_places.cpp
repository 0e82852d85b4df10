// SPDX-License-Identifier: MIT
// Counts the attempts that run, and starts those that wait. Any thread.
#include "dist/attempt_places.hpp"

namespace coppice::dist {

std::shared_ptr<void> attempt_places::take(net::lookup_cause cause, std::uint32_t by, std::uint32_t node) {
  const std::lock_guard guard(lock_);
  line& in = lines_[static_cast<std::size_t>(cause)];
  if (!has_place(in, by)) {
    if (in.queued.insert(node).second) in.waiting.push(by, node);
    return nullptr;
  }
  ++in.running;
  ++in.running_for[by];
  return {this, [this, cause, by](void*) {
            give_back(cause, by);
            start_next(cause);
          }};
}

void attempt_places::give_back(net::lookup_cause cause, std::uint32_t by) {
  const std::lock_guard guard(lock_);
  line& of = lines_[static_cast<std::size_t>(cause)];
  --of.running;
  if (const auto its = of.running_for.find(by); --its->second == 0) of.running_for.erase(its);
}

// One node's names take half of the places at most. Under the lock.
bool attempt_places::has_place(const line& in, std::uint32_t by) const {
  const std::size_t most = by == 0 ? most_ : most_ - most_ / 2;
  const auto its = in.running_for.find(by);
  return in.running < most_ && (its == in.running_for.end() || its->second < most);
}

void attempt_places::start_next(net::lookup_cause cause) {
  std::uint32_t node = 0;
  do {
    const std::lock_guard guard(lock_);
    line& in = lines_[static_cast<std::size_t>(cause)];
    const auto next = in.waiting.pop([&](std::uint32_t by) { return has_place(in, by); });
    if (!next) return;
    node = next->second;
    in.queued.erase(node);
  } while (!start_(node, cause));
}

} // namespace coppice::dist
