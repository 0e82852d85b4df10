// SPDX-License-Identifier: MIT
// Tests of the pauses between failures.
#include "behaviours/raft/retry_pause.hpp"

#include <doctest/doctest.h>

using coppice::behaviours::raft::retry_pause;

TEST_CASE("a first failure is tried again at once, further ones after pauses that double up to a bound") {
  retry_pause pause(10, 50);
  CHECK(pause.next(1000) == 0);
  CHECK(pause.next(1001) == 10);
  CHECK(pause.next(1011) == 20);
  CHECK(pause.next(1031) == 40);
  CHECK(pause.next(1071) == 50);
  CHECK(pause.next(1171) == 50); // only 100 later: this is not a first failure
  CHECK(pause.next(1272) == 0);
  CHECK(pause.next(1273) == 10);
  pause.reset();
  CHECK(pause.next(1274) == 0);
}
