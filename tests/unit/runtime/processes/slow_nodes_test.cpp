// SPDX-License-Identifier: MIT
// How long a process that answers others waits for connections that take no data.
#include "runtime/processes/slow_nodes.hpp"

#include <doctest/doctest.h>

using namespace coppice;
using runtime::slow_nodes;

namespace {

constexpr base::nanos most = base::nanos_per_second;
constexpr base::nanos now = 1000 * base::nanos_per_second;

} // namespace

TEST_CASE("who has waited for nobody in vain waits its whole time") {
  CHECK(slow_nodes().patience(1, now, most) == most);
}

TEST_CASE("a node that was waited for in vain is not waited for again until that wait's end is told") {
  slow_nodes slow;
  slow.give_up(1, 7, now, most);
  const base::nanos long_after = now + 3600 * base::nanos_per_second;
  CHECK(slow.patience(1, long_after, most) == 0);
  CHECK(slow.patience(2, long_after, most) == most);
  slow.end(8);
  CHECK(slow.patience(1, long_after, most) == 0);
  slow.end(7);
  CHECK(slow.patience(1, long_after, most) == most);
}

TEST_CASE("all nodes together are waited for no longer than one, and a tenth of the time since") {
  slow_nodes slow;
  slow.give_up(1, 7, now, most);
  CHECK(slow.patience(2, now, most) == 0);
  CHECK(slow.patience(2, now + most, most) == most / 10);
  slow.give_up(2, 8, now + most, most / 10);
  CHECK(slow.patience(3, now + most, most) == 0);
  CHECK(slow.patience(3, now + 11 * most, most) == most);
}

TEST_CASE("a wait of part of the time costs that part") {
  slow_nodes slow;
  slow.give_up(1, 7, now, most / 4);
  slow.end(7);
  CHECK(slow.patience(1, now, most) == most - most / 4);
}
