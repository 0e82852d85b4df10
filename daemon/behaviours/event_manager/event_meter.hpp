// SPDX-License-Identifier: MIT
// What a handler of an event manager has done, which its manager looks at without asking: a handler that is
// stuck would not answer. The handler alone writes, any thread reads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.hpp"

namespace coppice::behaviours {

class event_meter {
 public:
  struct reading {
    std::uint64_t events = 0; // that its callbacks are through with, other messages among them
    std::uint64_t bytes = 0;  // of the batches that it is through with
    base::nanos busy = 0;     // in the callbacks of all, with what they waited
    base::nanos worst = 0;    // in one
  };

  void handled(base::nanos took) {
    busy_.store(busy_.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
    worst_.store(std::max(worst_.load(std::memory_order_relaxed), took), std::memory_order_relaxed);
    events_.store(events_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void took_in(std::size_t bytes) {
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  }
  reading read() const {
    return {events_.load(std::memory_order_acquire), bytes_.load(std::memory_order_acquire),
            busy_.load(std::memory_order_relaxed), worst_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<base::nanos> busy_{0};
  std::atomic<base::nanos> worst_{0};
};

// A behaviour that has one, which outlives it.
class event_metered {
 public:
  virtual std::shared_ptr<const event_meter> meter() const = 0;

 protected:
  ~event_metered() = default;
};

} // namespace coppice::behaviours
