// SPDX-License-Identifier: MIT
// The two clocks, read through the vDSO. Any thread.
#include "base/clock.hpp"

#include <fmt/format.h>

#include <ctime>

namespace coppice::base {
namespace {

nanos read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<nanos>(now.tv_sec) * nanos_per_second + now.tv_nsec;
}

} // namespace

nanos mono_now() {
  return read_clock(CLOCK_MONOTONIC);
}

nanos wall_now() {
  return read_clock(CLOCK_REALTIME);
}

std::string format_wall(nanos wall) {
  nanos rest = wall % nanos_per_second;
  auto seconds = static_cast<time_t>(wall / nanos_per_second);
  if (rest < 0) {
    rest += nanos_per_second;
    --seconds;
  }
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, rest / 1000);
}

} // namespace coppice::base
