// SPDX-License-Identifier: MIT
// A hierarchical timing wheel (Varghese and Lauck, scheme 7): five levels of 64 slots over ticks of 1 ms.
// Starting and cancelling are O(1); a timer moves to a lower level at most four times. A timer never fires
// early. Timers that are due in one advance() fire in the order of their deadlines, then of their start. For
// its worker's thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"

namespace coppice::runtime {

// Intrusive: the object that embeds a timer owns it. It is out of the wheel when `fire` is called. `fire` may
// start timers; it may not destroy other timers that are due.
struct timer {
  base::nanos deadline = 0;
  void (*fire)(timer& due) = nullptr;
  timer* next = nullptr;
  timer* previous = nullptr;
  std::uint16_t slot = 0;
  bool linked() const { return previous != nullptr; }
};

class timer_wheel {
 public:
  explicit timer_wheel(base::nanos now);
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  void start(timer& one, base::nanos deadline);
  void cancel(timer& one); // also if it is not running
  // Fires the timers that are due.
  void advance(base::nanos now);
  // No timer is due before this time (monotonic); INT64_MAX: there is no timer. It is the tick of the first
  // timer, or earlier if many timers are due at about that time.
  base::nanos next() const;
  // How many timers run. Any thread.
  std::uint64_t armed() const { return armed_.load(std::memory_order_relaxed); }

 private:
  static constexpr base::nanos tick = base::nanos_per_ms;
  static constexpr unsigned levels = 5;
  static constexpr unsigned bits = 6;
  static constexpr std::uint64_t slots = 1U << bits;

  // The first slot that has timers: its index in heads_, and the tick at which they move down or fire.
  struct upcoming {
    std::size_t slot;
    std::uint64_t at;
  };
  std::optional<upcoming> first() const;
  void place(timer& one);
  void take_out(timer& one);
  // Only the worker's thread writes it.
  void count(std::uint64_t more) {
    armed_.store(armed_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  void empty_slot(unsigned slot, std::vector<timer*>& into);

  std::uint64_t now_;                       // ticks completed
  std::array<timer, levels * slots> heads_; // circular lists
  std::array<std::uint64_t, levels> occupied_{};
  std::vector<timer*> due_;
  std::atomic<std::uint64_t> armed_{0};
};

} // namespace coppice::runtime
