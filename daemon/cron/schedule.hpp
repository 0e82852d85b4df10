// SPDX-License-Identifier: MIT
// The instants at which an expression is due in a zone. Where clocks go forward, times on the wall are
// skipped, and where they go back, repeated: a policy says what becomes of those. An expression that is due
// in every hour takes each hour as it comes, whatever the policy: nothing of it is lost or doubled. Pure; any
// thread.
#pragma once

#include <optional>

#include "cron/expression.hpp"
#include "cron/zone.hpp"

namespace coppice::cron {

enum class skipped_time : std::uint8_t {
  run_after, // once, at the moment the clock goes on
  skip,      // not at all
};
enum class repeated_time : std::uint8_t {
  once,  // the first time
  twice, // both times
};

struct clock_changes {
  skipped_time skipped = skipped_time::run_after;
  repeated_time repeated = repeated_time::once;
  bool operator==(const clock_changes&) const = default;
};

struct occurrence {
  enum class kind : std::uint8_t {
    plain,
    after_skipped, // its time on the wall was skipped
    first_of_two,  // this time on the wall comes once more
    second_of_two, // and has been there before
  };
  instant at;
  kind is = kind::plain;
  bool operator==(const occurrence&) const = default;
};

// The first one later than `after`; none: not within the 40 years behind it. `of` is of kind::calendar.
std::optional<occurrence> next(const expression& of, const zone& in, clock_changes policy, instant after);

} // namespace coppice::cron
