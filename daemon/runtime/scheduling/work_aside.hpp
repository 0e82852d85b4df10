// SPDX-License-Identifier: MIT
// What a worker does beside turns: callbacks of its loop, and tasks. The watchdog sees it like a turn, and
// the part that took longest says for which connection the worker was held.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/clock.hpp"

namespace coppice::runtime {

class work_aside {
 public:
  // Any thread. When the present work began, monotonic; 0: there is none.
  base::nanos since() const { return since_.load(std::memory_order_relaxed); }
  // Any thread. The node for whose connection it goes on; 0: not known.
  std::uint32_t node() const { return part_of_.load(std::memory_order_relaxed); }

  // The rest is for the worker's thread.
  void begin(base::nanos since) { since_.store(since, std::memory_order_relaxed); }
  // A part begins that is for the connection of that node.
  void begin_part(std::uint32_t node) { part_of_.store(node, std::memory_order_relaxed); }
  // That part has taken `time` ns.
  void end_part(std::uint32_t node, base::nanos time) {
    begin_part(0);
    if (time <= longest_) return;
    longest_ = time;
    longest_of_ = node;
  }
  // Returns the node of the longest part; 0: not known.
  std::uint32_t end() {
    since_.store(0, std::memory_order_relaxed);
    longest_ = 0;
    return std::exchange(longest_of_, 0);
  }

 private:
  std::atomic<base::nanos> since_{0};
  std::atomic<std::uint32_t> part_of_{0};
  base::nanos longest_ = 0;      // part of the present work
  std::uint32_t longest_of_ = 0; // the node of that part
};

} // namespace coppice::runtime
