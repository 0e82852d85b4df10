// SPDX-License-Identifier: MIT
// The command line of the simulations: --seed N --runs N --events N --seconds N --trace. It runs seed after
// seed. The first seed that breaks a promise is printed with the command that replays it, and the exit
// status is 1.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace coppice::test {

// World(seed, events, trace).run() returns an Outcome; `tell` prints a summary of all outcomes together.
template <class World, class Outcome, class Tell>
int run_seeds(const char* name, int count, char** words, Tell tell) {
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
      std::fprintf(stderr, "%s: --seed N --runs N --events N --seconds N --trace\n", name);
      return 2;
    }
  }
  const auto begin = clock::now();
  const auto took = [&] { return std::chrono::duration<double>(clock::now() - begin).count(); };
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  Outcome sum;
  std::uint64_t done = 0;
  for (; seconds > 0 ? took() < static_cast<double>(seconds) : done < runs; ++done) {
    const Outcome one = World(seed + done, events, trace).run();
    if (!one.violation.empty()) {
      std::printf("seed %llu: %s\nreplay: %s --seed %llu --runs 1 --events %llu --trace\n", n(seed + done),
                  one.violation.c_str(), words[0], n(seed + done), n(events));
      std::printf("after %.1f s and %llu runs\n", took(), n(done + 1));
      return 1;
    }
    sum.add(one);
  }
  std::printf("%llu runs, %llu events in %.2f s: %.0f runs/s, %.0f events/s\n", n(done), n(sum.events),
              took(), static_cast<double>(done) / took(), static_cast<double>(sum.events) / took());
  tell(sum);
  return 0;
}

} // namespace coppice::test
