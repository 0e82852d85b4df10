// SPDX-License-Identifier: MIT
// One series of a plugin's metrics: counting, the only part that a plugin's threads may use, and reading. An
// operation of the wrong kind has no effect, so a plugin cannot make the metrics page invalid. Any thread;
// every operation is a few instructions and takes no lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "metrics/exposition.hpp"

namespace coppice::metrics {

// In cache lines of its own, as its buckets are, since actors count on different threads.
class alignas(64) series {
 public:
  // A series that is not shown: operations on it have no effect.
  series() = default;
  // `bounds`, for a histogram: finite and ascending; must outlive it.
  explicit series(metrics::kind what, std::span<const double> bounds = {})
      : bounds_(bounds.data()),
        bound_count_(static_cast<std::uint32_t>(bounds.size())),
        kind_(what),
        is_seen_(true),
        buckets_(what == kind::histogram ? std::make_unique<line[]>(bounds.size() / per_line + 1) : nullptr) {
  }

  void add(std::int64_t n) {
    if (counts() && (n >= 0 || kind_ == kind::gauge)) value_.fetch_add(n, std::memory_order_relaxed);
  }
  void set(std::int64_t value) {
    if (counts() && kind_ == kind::gauge) value_.store(value, std::memory_order_relaxed);
  }
  void observe(double value) {
    if (buckets_ == nullptr || std::isnan(value)) return;
    const std::span bounds(bounds_, bound_count_);
    const auto at = std::ranges::lower_bound(bounds, value); // the first bound that it is at or below
    bucket(static_cast<std::size_t>(at - bounds.begin())).fetch_add(1, std::memory_order_relaxed);
    double sum = sum_.load(std::memory_order_relaxed);
    while (!std::isnan(sum + value) && // not for infinities of both signs
           !sum_.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
    }
  }

  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  // The number of values above the bound before this one and at or below this one; index bounds.size(): above
  // all bounds.
  std::uint64_t in_bucket(std::size_t index) const { return bucket(index).load(std::memory_order_relaxed); }
  // For a histogram: for each bound the number of values at or below it, and then of all values.
  std::vector<std::uint64_t> at_or_below() const {
    std::vector<std::uint64_t> out;
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i <= bound_count_; ++i) out.push_back(so_far += in_bucket(i));
    return out;
  }

 private:
  static constexpr std::size_t per_line = 8;
  struct alignas(64) line {
    std::array<std::atomic<std::uint64_t>, per_line> buckets{};
  };

  bool counts() const { return is_seen_ && kind_ != kind::histogram; }
  std::atomic<std::uint64_t>& bucket(std::size_t index) const {
    return buckets_[index / per_line].buckets[index % per_line];
  }

  const double* const bounds_ = nullptr;
  const std::uint32_t bound_count_ = 0;
  const kind kind_ = kind::counter;
  const bool is_seen_ = false;
  const std::unique_ptr<line[]> buckets_; // one more than there are bounds; null: not a histogram
  std::atomic<std::int64_t> value_{0};
  std::atomic<double> sum_{0};
};

} // namespace coppice::metrics
