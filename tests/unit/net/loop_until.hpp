// SPDX-License-Identifier: MIT
// Turns a loop until an observable condition holds, so that tests need not wait for a time to pass.
#pragma once

#include <chrono>
#include <functional>

#include "base/uv.hpp"

namespace coppice::test {

// False: `holds` did not become true within `patience`.
inline bool loop_until(base::uv::loop& loop, const std::function<bool()>& holds,
                       std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  base::uv::timer deadline(loop, [&] { loop.stop(); });
  deadline.start(patience);
  // Looks before every wait, so that the effect of a timer is seen without a further wait.
  base::uv::prepare look(loop.raw(), [&] {
    if (holds()) loop.stop();
  });
  look.start();
  loop.run();
  return holds();
}

} // namespace coppice::test
