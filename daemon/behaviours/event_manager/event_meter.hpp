// SPDX-License-Identifier: MIT
// The work that a handler of an event manager has done. Its manager reads this without asking, since a
// handler that is stuck would not answer. Only the handler writes, any thread reads.
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
    std::uint64_t events = 0; // handled by callbacks, other messages included
    std::uint64_t bytes = 0;  // of the batches that are handled
    base::nanos busy = 0;     // in all callbacks, including their waits
    base::nanos worst = 0;    // in one callback
  };

  void handled(base::nanos took) {
    busy_.store(busy_.load(std::memory_order_relaxed) + took, std::memory_order_relaxed);
    worst_.store(std::max(worst_.load(std::memory_order_relaxed), took), std::memory_order_relaxed);
    events_.store(events_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  void took_in(std::size_t bytes) {
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  }
  // The handler has handled a call, which it or another process answers.
  void took_call() { calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  std::uint64_t calls() const { return calls_.load(std::memory_order_acquire); }
  // The handler is about to tell its manager that it leaves.
  void leave() { leaves_.store(true, std::memory_order_release); }
  bool leaves() const { return leaves_.load(std::memory_order_acquire); }
  reading read() const {
    return {events_.load(std::memory_order_acquire), bytes_.load(std::memory_order_acquire),
            busy_.load(std::memory_order_relaxed), worst_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<base::nanos> busy_{0};
  std::atomic<base::nanos> worst_{0};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<bool> leaves_{false};
};

// A behaviour that has a meter. The meter may outlive the behaviour.
class event_metered {
 public:
  virtual std::shared_ptr<const event_meter> meter() const = 0;

 protected:
  ~event_metered() = default;
};

} // namespace coppice::behaviours
