// SPDX-License-Identifier: MIT
// For what every thread uses all the time: kept in stripes, a thread's own as far as they go, each on cache
// lines of its own, so that threads do not take these from each other. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/brief_mutex.hpp"

namespace coppice::base {

inline constexpr unsigned stripes = 16;
// Below that: the threads have one after the other as they first ask.
unsigned this_threads_stripe();

// Only goes up.
class striped_count {
 public:
  void add() { cells_[this_threads_stripe()].count.fetch_add(1, std::memory_order_release); }
  // What was added before, and whatever happened before that, is seen.
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

// Of what is read often and hardly ever changed: who reads locks a stripe of it, who changes it locks all
// (Lockable, as std::mutex is). Both for some nanoseconds.
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

    // Which one is locked: nobody else reads with the same one meanwhile.
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
