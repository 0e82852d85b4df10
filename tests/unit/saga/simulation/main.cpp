// SPDX-License-Identifier: MIT
// Runs simulated sagas from seeds.
#include "seeded_runs.hpp"
#include "world.hpp"

int main(int count, char** words) {
  using namespace coppice::saga::simulation;
  return coppice::test::run_seeds<
      world, outcome_of_run>("simulate-saga", count, words, [](const outcome_of_run& sum) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "started %llu, committed %llu, reversed %llu, undos %llu, repeats %llu, loops %llu, interims %llu, "
        "questions %llu, crashes %llu, ends of workers %llu, hash %016llx\n",
        n(sum.started), n(sum.committed), n(sum.reversed), n(sum.undos), n(sum.repeats), n(sum.loops),
        n(sum.interims), n(sum.questions), n(sum.crashes), n(sum.worker_ends), n(sum.hash));
  });
}
