// SPDX-License-Identifier: MIT
// See class_tally.hpp.
#include "runtime/processes/class_tally.hpp"

#include <algorithm>

namespace coppice::runtime {

void time_tally::add(base::nanos time) {
  const auto* const at = std::ranges::lower_bound(time_spread::bounds, time);
  counts_[static_cast<std::size_t>(at - time_spread::bounds.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(time, std::memory_order_relaxed);
}

time_spread time_tally::read() const {
  time_spread seen;
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    seen.at_or_below[i] = so_far += counts_[i].load(std::memory_order_relaxed);
  seen.sum = sum_.load(std::memory_order_relaxed);
  return seen;
}

class_tally& class_tallies::of(const description& is) {
  std::pair<std::string, std::string> name(is.plugin, is.actor.empty() ? is.behaviour : is.actor);
  const std::lock_guard guard(lock_);
  const auto found = counts_.find(name);
  if (found != counts_.end()) return found->second;
  if (counts_.size() >= most_classes) name = {"", "others"};
  return counts_[std::move(name)];
}

std::vector<class_work> class_tallies::read() const {
  std::vector<class_work> all;
  const std::lock_guard guard(lock_);
  for (const auto& [name, counted] : counts_) {
    class_work& one = all.emplace_back();
    one.plugin = name.first;
    one.actor = name.second;
    for (std::size_t kind = 0; kind < work_kinds; ++kind)
      one.ran[kind] = counted.ran[kind].load(std::memory_order_relaxed);
    // In this order, since a worker adds them in the other one: no more messages have waited than were
    // handled.
    one.waited = counted.waited.read();
    one.handled = counted.handled.read();
  }
  return all;
}

} // namespace coppice::runtime
