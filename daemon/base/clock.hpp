// SPDX-License-Identifier: MIT
// Time. Waits and measurements use monotonic nanoseconds since an arbitrary start. Wall time may jump and is
// only for people, logs and certificates. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace coppice::base {

// Nanoseconds: a point on the monotonic clock, or a span of time, as the variable's name says.
using nanos = std::int64_t;

constexpr nanos nanos_per_ms = 1'000'000;
constexpr nanos nanos_per_second = 1'000'000'000;

// CLOCK_MONOTONIC.
nanos mono_now();

// CLOCK_REALTIME, nanoseconds since 1970-01-01 UTC.
nanos wall_now();

// RFC 3339 in UTC with microseconds: 2024-05-01T12:00:00.123456Z.
std::string format_wall(nanos wall);

// Rounds up, so that a timer set with the result never fires early. Negative spans become 0.
constexpr std::chrono::milliseconds to_milliseconds(nanos span) {
  return std::chrono::milliseconds(span <= 0 ? 0 : (span - 1) / nanos_per_ms + 1);
}

constexpr nanos to_nanos(std::chrono::milliseconds span) {
  return span.count() * nanos_per_ms;
}

} // namespace coppice::base
