// SPDX-License-Identifier: MIT
// Connections that actors of a type are to have all the time, counted over all of them and those that have
// ended. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace coppice::behaviours {

// Of a type of actor, at one moment.
struct connect_counts {
  std::string type;
  std::uint64_t up = 0;     // that are open now
  std::uint64_t tries = 0;  // to connect
  std::uint64_t failed = 0; // of these
};

// What they are counted with.
class connect_totals {
 public:
  void count_try() { tries_.fetch_add(1, std::memory_order_relaxed); }
  void count_failed() { failed_.fetch_add(1, std::memory_order_relaxed); }
  void count_up() { up_.fetch_add(1, std::memory_order_relaxed); }
  void count_down() { up_.fetch_sub(1, std::memory_order_relaxed); }
  connect_counts read(std::string type) const {
    return {std::move(type), up_.load(std::memory_order_relaxed), tries_.load(std::memory_order_relaxed),
            failed_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> up_{0}, tries_{0}, failed_{0};
};

} // namespace coppice::behaviours
