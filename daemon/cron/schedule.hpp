// SPDX-License-Identifier: MIT
// The instants at which an expression is due in a zone. When clocks go forward, wall-clock times are skipped;
// when they go back, times are repeated. A policy decides how such times run. An expression that is due in
// every hour ignores the policy: each real hour counts once. Pure; any thread.
#pragma once

#include <optional>

#include "cron/expression.hpp"
#include "cron/zone.hpp"

namespace coppice::cron {

enum class skipped_time : std::uint8_t {
  run_after, // once, at the moment of the change
  skip,      // does not run
};
enum class repeated_time : std::uint8_t {
  once,  // only the first time
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
    after_skipped, // its wall-clock time was skipped
    first_of_two,  // this wall-clock time will come a second time
    second_of_two, // this wall-clock time comes for the second time
  };
  instant at;
  kind is = kind::plain;
  bool operator==(const occurrence&) const = default;
};

// The first occurrence after `after`. Empty: none within 40 years. `of` must be of kind::calendar.
std::optional<occurrence> next(const expression& of, const zone& in, clock_changes policy, instant after);

} // namespace coppice::cron
