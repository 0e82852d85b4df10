// SPDX-License-Identifier: MIT
// Between two changes of a zone's clock, wall-clock times are instants moved by a fixed offset. So each such
// period is searched on its own, and then the change at its end.
#include "cron/schedule.hpp"

#include <algorithm>

namespace coppice::cron {

namespace {

using std::chrono::seconds;

constexpr std::chrono::years horizon{40}; // 29 February on a given weekday takes 28 years, and 40 around 2100

wall_seconds on_the_wall(instant when, seconds offset) {
  return wall_seconds(when.time_since_epoch() + offset);
}
instant at_offset(wall_seconds when, seconds offset) {
  return instant(when.time_since_epoch() - offset);
}

} // namespace

std::optional<occurrence> next(const expression& of, const zone& in, clock_changes policy, instant after) {
  const instant last = after + horizon;
  const bool each_hour = of.is_hourly();
  zone::period now = in.at(after); // the period of that second: a change may follow right after it
  instant from = after + seconds(1);
  while (from < last) {
    const instant end = std::min(now.end, last);
    wall_seconds begin = on_the_wall(from, now.offset);
    // Wall-clock times before this are repeated at the beginning of this period.
    wall_seconds seen = wall_seconds::min();
    if (now.begin > instant::min() + std::chrono::days(366)) {
      const zone::period before = in.at(now.begin - seconds(1));
      if (before.offset > now.offset) seen = on_the_wall(now.begin, before.offset);
    }
    if (!each_hour && policy.repeated == repeated_time::once) begin = std::max(begin, seen);
    if (const auto found = of.first(begin, on_the_wall(end, now.offset))) {
      occurrence one{at_offset(*found, now.offset)};
      if (*found < seen) one.is = occurrence::kind::second_of_two;
      if (now.end < last) {
        const seconds behind = in.at(now.end).offset;
        if (*found >= on_the_wall(now.end, behind) && behind < now.offset)
          one.is = occurrence::kind::first_of_two;
      }
      return one;
    }
    if (end == last) break;
    const zone::period following = in.at(now.end);
    const wall_seconds stops = on_the_wall(now.end, now.offset);
    const wall_seconds goes_on = on_the_wall(now.end, following.offset);
    if (goes_on > stops && !each_hour && policy.skipped == skipped_time::run_after &&
        of.first(stops, goes_on))
      return occurrence{now.end, occurrence::kind::after_skipped};
    from = now.end;
    now = following;
  }
  return std::nullopt;
}

} // namespace coppice::cron
