// SPDX-License-Identifier: MIT
// Runs some hundred simulations. `simulate-saga` runs more of them, and replays one that broke a promise.
#include <doctest/doctest.h>

#include "simulation/world.hpp"

using namespace coppice::saga::simulation;

TEST_CASE("simulated sagas keep every promise, and leave nothing behind once everything has healed") {
  outcome_of_run sum;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const outcome_of_run one = world(seed, 1000, false).run();
    if (!one.violation.empty()) {
      FAIL_CHECK("simulate-saga --runs 1 --seed " << seed << ": " << one.violation);
      return;
    }
    sum.add(one);
  }
  MESSAGE("started " << sum.started << ", committed " << sum.committed << ", undos " << sum.undos
                     << ", crashes " << sum.crashes);
  CHECK(sum.committed > 500);
  CHECK(sum.reversed > 500);
  CHECK(sum.undos > 500);
  CHECK(sum.repeats > 50);
  CHECK(sum.loops > 50);
  CHECK(sum.interims > 50);
  CHECK(sum.questions > 50);
  CHECK(sum.crashes > 500);
  CHECK(sum.worker_ends > 500);
}

TEST_CASE("a seed gives the same run each time") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    CHECK(world(seed, 2000, false).run().hash == world(seed, 2000, false).run().hash);
}
