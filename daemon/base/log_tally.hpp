// SPDX-License-Identifier: MIT
// Counts log lines that are counted instead of repeated (log_counted.hpp). The logger asks before it takes
// such a line, and writes the sums when they are due. The number of kinds is bounded; lines of further kinds
// share one. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace coppice::base::log {

class log_tally {
 public:
  static constexpr nanos period = 10 * nanos_per_second;
  static constexpr std::size_t most_kinds = 256;

  // Whether the line is to be written: it is the first of its kind, after a period without any. `now` is
  // monotonic.
  bool first(std::string_view kind, const record& line, nanos now);

  // When the next sum may be due, monotonic; nullopt: nothing is counted.
  std::optional<nanos> next_due() const;
  // The sums whose period is over. For kinds that had lines, the next period begins.
  std::vector<record> take_due(nanos now);
  // The sums of all kinds, for the end of the log.
  std::vector<record> take_all();

 private:
  struct counted_kind {
    record first;
    nanos until = 0;
    std::uint64_t more = 0; // since the period began
  };
  static record sum_of(const counted_kind& one);

  mutable std::mutex lock_;
  std::map<std::string, counted_kind, std::less<>> kinds_;
};

} // namespace coppice::base::log
