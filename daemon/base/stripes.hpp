// SPDX-License-Identifier: MIT
// For data that every thread uses all the time: it is kept in stripes, each on cache lines of its own, and
// threads are spread over them, so that they seldom use the same cache line. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/brief_mutex.hpp"

namespace coppice::base {

inline constexpr unsigned stripes = 16;
// Less than `stripes`. Threads get stripes in turn when they first ask.
unsigned this_threads_stripe();

// A counter that only goes up.
class striped_count {
 public:
  void add() { cells_[this_threads_stripe()].count.fetch_add(1, std::memory_order_release); }
  // Includes every add() that happened before; what happened before that add() is visible.
  std::uint64_t sum() const {
    std::uint64_t all = 0;
    for (const cell& each : cells_) all += each.count.load(std::memory_order_acquire);
    return all;
  }

 private:
  struct alignas(64) cell {
    std::atomic<std::uint64_t> count{0};
  };
  std::array<cell, stripes> cells_;
};

// A read-mostly lock: a reader locks one stripe, a writer locks all of them (Lockable, as std::mutex). For
// sections of some nanoseconds.
class striped_lock {
 public:
  class reading {
   public:
    explicit reading(striped_lock& of) : stripe_(this_threads_stripe()), mutex_(of.cells_[stripe_].mutex) {
      mutex_.lock();
    }
    ~reading() { mutex_.unlock(); }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;

    // The locked stripe: no other thread reads with the same stripe meanwhile.
    unsigned stripe() const { return stripe_; }

   private:
    unsigned stripe_;
    brief_mutex& mutex_;
  };

  void lock() {
    for (cell& each : cells_) each.mutex.lock();
  }
  void unlock() {
    for (cell& each : cells_) each.mutex.unlock();
  }

 private:
  struct alignas(64) cell {
    brief_mutex mutex;
  };
  std::array<cell, stripes> cells_;
};

} // namespace coppice::base
