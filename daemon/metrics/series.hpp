// SPDX-License-Identifier: MIT
// One series of a plugin's metrics: what counting in it does, which is all that a plugin's threads may do,
// and reading it. A wrong operation for its kind does nothing, so nothing that a plugin counts can make the
// page of metrics say nonsense. Any thread; every operation is a few instructions and takes no lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "metrics/exposition.hpp"

namespace coppice::metrics {

// Of its own cache line, as its buckets are: actors count on different threads.
class alignas(64) series {
 public:
  // One that nobody sees: nothing that is done to it has an effect.
  series() = default;
  // `bounds`, of a histogram, outlive it: finite and rising.
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
    while (!std::isnan(sum + value) && // infinities of both signs
           !sum_.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
    }
  }

  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  // How many were above the bound before this one, and at or below this one; that of bounds' size: above all.
  std::uint64_t in_bucket(std::size_t index) const { return bucket(index).load(std::memory_order_relaxed); }

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
  const std::unique_ptr<line[]> buckets_; // one more than there are bounds; null: it is no histogram
  std::atomic<std::int64_t> value_{0};
  std::atomic<double> sum_{0};
};

} // namespace coppice::metrics
