// SPDX-License-Identifier: MIT
// How often each kind of line came that is counted instead of repeated: what the logger asks before it takes
// such a line, and whose sums it writes when they are due. Bounded in kinds; beyond, all others are one.
// Any thread.
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

  // Whether this line is written: the first of its kind since a period in which none came. `now` is
  // monotonic.
  bool first(std::string_view kind, const record& line, nanos now);

  // When the next sum may be due; nothing while nothing is counted.
  std::optional<nanos> next_due() const;
  // The sums whose period is over. Of a kind that came, the next period begins.
  std::vector<record> take_due(nanos now);
  // Those of all kinds, at the end.
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
