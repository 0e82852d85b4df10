// SPDX-License-Identifier: MIT
// How long a worker polls its inboxes before it sleeps.
#include "runtime/scheduling/busy_wait.hpp"

#include <doctest/doctest.h>

using coppice::runtime::busy_wait;

TEST_CASE(
    "after a short sleep a worker looks around for longer than a wake-up takes, after a long one briefly") {
  busy_wait now(true);
  CHECK(now.length() == busy_wait::briefly);
  now.slept(busy_wait::short_sleep - 1);
  CHECK(now.length() == busy_wait::longer_than_a_wakeup);
  CHECK(now.length() == busy_wait::longer_than_a_wakeup);
  now.slept(busy_wait::short_sleep);
  CHECK(now.length() == busy_wait::briefly);
}

TEST_CASE("where it is not allowed a worker never looks around") {
  busy_wait now(false);
  CHECK(now.length() == 0);
  now.slept(1);
  CHECK(now.length() == 0);
}
