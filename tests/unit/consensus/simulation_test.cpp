// SPDX-License-Identifier: MIT
// 500 simulated groups. The program simulate-consensus runs more, and repeats a run that broke a promise.
#include <doctest/doctest.h>

#include "simulation/world.hpp"

using namespace coppice::consensus::simulation;

TEST_CASE("simulated groups keep every promise and make progress once everything has healed") {
  outcome_of_run sum;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const outcome_of_run one = world(seed, 1000, false).run();
    if (!one.violation.empty()) {
      FAIL_CHECK("simulate-consensus --runs 1 --seed " << seed << ": " << one.violation);
      return;
    }
    sum.add(one);
  }
  MESSAGE("acknowledged " << sum.acknowledged << ", reads " << sum.reads << ", snapshots installed "
                          << sum.installs << ", crashes " << sum.restarts);
  CHECK(sum.acknowledged > 1000);
  CHECK(sum.reads > 500);
  CHECK(sum.installs > 20);
  CHECK(sum.changes > 100);
  CHECK(sum.restarts > 100);
  CHECK(sum.releases > 100);
  CHECK(sum.recoveries > 20);
  CHECK(sum.refusals > 20);
  CHECK(sum.rests > 100);
}

TEST_CASE("a seed gives the same run each time") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    CHECK(world(seed, 2000, false).run().hash == world(seed, 2000, false).run().hash);
}
