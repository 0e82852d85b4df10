// SPDX-License-Identifier: MIT
// See class_tally.hpp.
#include "runtime/processes/class_tally.hpp"

#include <algorithm>
#include <bit>

namespace coppice::runtime {
namespace {

constexpr int remembered_bits = 27; // about 100 ms of what has been seen of a class decide

} // namespace

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

// Before anything has been seen, all is other work.
void class_tally::charge(base::nanos used) {
  std::array<base::nanos, work_kinds> seen{};
  base::nanos all = 0;
  for (std::size_t kind = 0; kind < work_kinds; ++kind) {
    seen[kind] = seen_[kind].load(std::memory_order_relaxed);
    all += seen[kind];
  }
  auto rest_to = static_cast<std::size_t>(work_kind::other);
  base::nanos rest = used;
  for (std::size_t kind = 0; kind < work_kinds; ++kind) {
    if (seen[kind] <= 0) continue;
    const double share = static_cast<double>(seen[kind]) / static_cast<double>(all);
    const auto part = static_cast<base::nanos>(static_cast<double>(used) * share);
    ran_[kind].fetch_add(part, std::memory_order_relaxed);
    rest -= part;
    rest_to = kind;
  }
  ran_[rest_to].fetch_add(rest, std::memory_order_relaxed);
}

// The sums are halved from time to time, so that the latest times count most. Threads that do so at once may
// lose some of them.
void class_tally::saw(work_kind kind, base::nanos took) {
  seen_[static_cast<std::size_t>(kind)].fetch_add(took, std::memory_order_relaxed);
  base::nanos all = 0;
  for (const auto& one : seen_) all += one.load(std::memory_order_relaxed);
  const int halvings =
      std::max(0, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(all))) - remembered_bits);
  if (halvings == 0) return;
  for (auto& one : seen_)
    one.store(one.load(std::memory_order_relaxed) >> halvings, std::memory_order_relaxed);
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
      one.ran[kind] = counted.ran(static_cast<work_kind>(kind));
    // In this order, since a worker adds them in the other one: no more messages have waited than were
    // handled.
    one.waited = counted.waited.read();
    one.handled = counted.handled.read();
  }
  return all;
}

} // namespace coppice::runtime
