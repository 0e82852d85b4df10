// SPDX-License-Identifier: MIT
// Runs simulated Raft groups from seeds: --seed N --runs N --events N --seconds N --trace. The first seed
// that breaks a promise is printed with the command that replays it, and the exit status is 1.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "world.hpp"

int main(int count, char** words) {
  using namespace coppice::consensus::simulation;
  using clock = std::chrono::steady_clock;
  std::uint64_t seed = 1, runs = 1000, events = 1000, seconds = 0;
  bool trace = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    std::uint64_t* const number = word == "--seed"      ? &seed
                                  : word == "--runs"    ? &runs
                                  : word == "--events"  ? &events
                                  : word == "--seconds" ? &seconds
                                                        : nullptr;
    if (word == "--trace") {
      trace = true;
    } else if (number != nullptr && i + 1 < count) {
      *number = std::strtoull(words[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "simulate-consensus: --seed N --runs N --events N --seconds N --trace\n");
      return 2;
    }
  }
  const auto begin = clock::now();
  const auto took = [&] { return std::chrono::duration<double>(clock::now() - begin).count(); };
  outcome_of_run sum;
  std::uint64_t done = 0;
  for (; seconds > 0 ? took() < static_cast<double>(seconds) : done < runs; ++done) {
    const outcome_of_run one = world(seed + done, events, trace).run();
    if (!one.violation.empty()) {
      std::printf("seed %llu: %s\nreplay: %s --seed %llu --runs 1 --events %llu --trace\n",
                  static_cast<unsigned long long>(seed + done), one.violation.c_str(), words[0],
                  static_cast<unsigned long long>(seed + done), static_cast<unsigned long long>(events));
      std::printf("after %.1f s and %llu runs\n", took(), static_cast<unsigned long long>(done + 1));
      return 1;
    }
    sum.add(one);
  }
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%llu runs, %llu events in %.2f s: %.0f runs/s, %.0f events/s\n", n(done), n(sum.events),
              took(), static_cast<double>(done) / took(), static_cast<double>(sum.events) / took());
  std::printf(
      "commits %llu, acknowledged %llu, reads %llu, elections %llu, installs %llu, changes %llu, crashes "
      "%llu, releases %llu, hash %016llx\n",
      n(sum.commits), n(sum.acknowledged), n(sum.reads), n(sum.elections), n(sum.installs), n(sum.changes),
      n(sum.restarts), n(sum.releases), n(sum.hash));
  return 0;
}
