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
  base::uv::timer deadline(loop, [&] { loop.stop(); });
  deadline.start(patience);
  // Looks before every wait, so that what a timer has just brought about is seen without one.
  base::uv::prepare look(loop.raw(), [&] {
    if (holds()) loop.stop();
  });
  look.start();
  loop.run();
  return holds();
}

} // namespace coppice::test
