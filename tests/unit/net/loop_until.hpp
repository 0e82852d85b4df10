// SPDX-License-Identifier: MIT
// Turns a loop until something observable holds; tests wait for events with it, never for time.
#pragma once

#include <chrono>
#include <functional>

#include "base/uv.hpp"

namespace coppice::test {

// False when `holds` did not within `patience`.
inline bool loop_until(base::uv::loop& loop, const std::function<bool()>& holds,
                       std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  bool expired = false;
  base::uv::timer deadline(loop, [&] { expired = true; });
  deadline.start(patience);
  while (!holds() && !expired) loop.turn(true);
  return holds();
}

} // namespace coppice::test
