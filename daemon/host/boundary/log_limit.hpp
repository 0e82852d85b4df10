// SPDX-License-Identifier: MIT
// Limits log lines from one source, for lines that a plugin's mistake may cause at any rate: one a second,
// which says how many were left out. Any thread.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace coppice::host {

class log_limit {
 public:
  // The number of lines left out since the last one. Empty: leave this one out too.
  std::optional<std::uint64_t> next_line(base::nanos now) {
    base::nanos due = due_.load(std::memory_order_relaxed);
    if (now < due || !due_.compare_exchange_strong(due, now + base::nanos_per_second)) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return left_out_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<base::nanos> due_{0};
  std::atomic<std::uint64_t> left_out_{0};
};

// The end of such a line; empty if no line was left out.
inline std::string left_out_text(std::uint64_t lines) {
  return lines == 0 ? std::string() : fmt::format(" ({} such lines left out)", lines);
}

} // namespace coppice::host
