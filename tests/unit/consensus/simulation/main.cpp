// SPDX-License-Identifier: MIT
// The program simulate-consensus: runs simulated Raft groups from seeds.
#include "seeded_runs.hpp"
#include "world.hpp"

int main(int count, char** words) {
  using namespace coppice::consensus::simulation;
  return coppice::test::run_seeds<world, outcome_of_run>(
      "simulate-consensus", count, words, [](const outcome_of_run& sum) {
        const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
        std::printf(
            "commits %llu, acknowledged %llu, reads %llu, elections %llu, installs %llu, changes %llu, "
            "crashes %llu, releases %llu, hash %016llx\n",
            n(sum.commits), n(sum.acknowledged), n(sum.reads), n(sum.elections), n(sum.installs),
            n(sum.changes), n(sum.restarts), n(sum.releases), n(sum.hash));
      });
}
