// SPDX-License-Identifier: MIT
// coppice-simulated: runs a cluster on the simulated machine, from one seed or from many. Each run is this
// same program, started again (apart.hpp).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <bitset>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "apart.hpp"
#include "shrink.hpp"
#include "workloads/workload.hpp"

namespace {

using namespace coppice::simulated;

struct command_line {
  std::vector<std::uint64_t> seeds;
  std::uint64_t first = 1;
  std::uint64_t count = 0; // 0: no limit but the time
  std::string length = "60s";
  std::string only;
  std::string shrink = "30s";
  std::string without;
  std::string busy;
  bool trace = false;
  bool story = false;
  bool twice = false;
  bool until_failed = false;
  cuts left_out;
  disorder spoiled;
};

// False: neither 0 nor a number with ms, s, m or h.
bool read_length(const std::string& text, std::chrono::nanoseconds& out) {
  std::istringstream in(text);
  double number = 0;
  std::string unit;
  if (!(in >> number)) return false;
  if (!(in >> unit)) return number == 0;
  const double factor = unit == "ms"  ? 1e6
                        : unit == "s" ? 1e9
                        : unit == "m" ? 6e10
                        : unit == "h" ? 3.6e12
                                      : 0;
  out = std::chrono::nanoseconds(static_cast<std::int64_t>(number * factor));
  return factor > 0 && number >= 0;
}

// Reads 1-4,7 into bits from 0 on. False: it is something else.
bool read_ranges(const std::string& text, std::bitset<cuts::most_faults>& out) {
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    std::istringstream numbers(part);
    std::size_t from = 0;
    std::size_t to = 0;
    char dash = 0;
    if (!(numbers >> from)) return false;
    to = from;
    if (numbers >> dash && (dash != '-' || !(numbers >> to))) return false;
    if (from < 1 || to < from || to > out.size()) return false;
    for (; from <= to; ++from) out.set(from - 1);
  }
  return true;
}

class search {
 public:
  search(const command_line& given, std::chrono::nanoseconds length, std::chrono::nanoseconds shrink)
      : given_(given), length_(length), shrink_(shrink) {}

  int go() {
    const auto begun = std::chrono::steady_clock::now();
    if (!given_.seeds.empty()) {
      for (const std::uint64_t seed : given_.seeds) one(seed, length_.count());
    } else {
      const auto over = [&] {
        if (given_.until_failed && failed_ > 0) return true;
        return given_.count > 0 ? ran_ >= given_.count : std::chrono::steady_clock::now() - begun >= length_;
      };
      for (std::uint64_t seed = given_.first; !over(); ++seed) one(seed, default_length);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    fmt::print("{} calls answered, {} failed; {} casts came; {} ends of links and monitors were told\n",
               seen_.answered, seen_.failed, seen_.casts, seen_.ends);
    fmt::print(
        "{} events and {} items of stages came, {} subscriptions ended; {} runs of jobs; {} joins and leaves "
        "of "
        "groups\n",
        seen_.events, seen_.items, seen_.ended, seen_.runs, seen_.memberships);
    fmt::print(
        "{} applies and reloads were done, {} refused or rolled back; {} replies of control sockets came; {} "
        "ends of connections spoke TLS at last\n",
        seen_.changed, seen_.unchanged, seen_.replies, seen_.encrypted);
    fmt::print(
        "{} server-sent events, {} answers by datagram and {} requests to workers of pools came; handlers "
        "got "
        "{} events\n",
        seen_.stream_events, seen_.datagrams, seen_.pooled, seen_.notices);
    fmt::print(
        "{} global names were given, {} lost to another process; {} global locks were taken; {} spawns on "
        "other nodes, {} messages to aliases\n",
        seen_.names, seen_.conflicts, seen_.locks, seen_.spawns, seen_.alias_answers);
    fmt::print(
        "{} seeds, {} failed, {:.0f} simulated seconds and {} changes of thread in {:.1f} s, hash {:016x}\n",
        ran_, failed_, static_cast<double>(lived_) / 1e9, steps_, took.count(), hash_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  static constexpr std::int64_t default_length = 20'000'000'000;
  static constexpr unsigned most_told = 3; // failures of a search that are made shorter

  void one(std::uint64_t seed, std::int64_t length) {
    task what;
    what.seed = seed;
    what.length = length;
    what.trace = given_.trace;
    what.story = given_.story;
    what.without = given_.left_out;
    what.spoiled = given_.spoiled;
    given_.only.copy(what.only.data(), what.only.size() - 1);
    const outcome out = run_apart(what);
    ++ran_;
    const bool again = given_.twice && run_apart(what).made.hash != out.made.hash;
    if (again) fmt::print("seed {}: another run of it had another hash\n", seed);
    if (!out.good) fmt::print("seed {} failed\n{}\n", seed, given_.story ? reason_of(out) : out.said);
    if (given_.story) fmt::print("{}", story_of(out, true));
    std::fflush(stdout);
    if (!out.good && shrink_.count() > 0 && told_++ < most_told) {
      tell_failure(what, out, shrink_);
      std::fflush(stdout);
    }
    if (again || !out.good) ++failed_;
    hash_ = (hash_ ^ out.made.hash) * 0x100000001b3;
    lived_ += out.made.lived;
    steps_ += out.made.at.steps;
    seen_.answered += out.made.seen.answered;
    seen_.failed += out.made.seen.failed;
    seen_.casts += out.made.seen.casts;
    seen_.ends += out.made.seen.ends;
    seen_.events += out.made.seen.events;
    seen_.items += out.made.seen.items;
    seen_.ended += out.made.seen.ended;
    seen_.runs += out.made.seen.runs;
    seen_.memberships += out.made.seen.memberships;
    seen_.changed += out.made.seen.changed;
    seen_.unchanged += out.made.seen.unchanged;
    seen_.stream_events += out.made.seen.stream_events;
    seen_.datagrams += out.made.seen.datagrams;
    seen_.pooled += out.made.seen.pooled;
    seen_.notices += out.made.seen.notices;
    seen_.names += out.made.seen.names;
    seen_.conflicts += out.made.seen.conflicts;
    seen_.locks += out.made.seen.locks;
    seen_.spawns += out.made.seen.spawns;
    seen_.alias_answers += out.made.seen.alias_answers;
    seen_.replies += out.made.seen.replies;
    seen_.encrypted += out.made.seen.encrypted;
  }

  const command_line& given_;
  std::chrono::nanoseconds length_;
  std::chrono::nanoseconds shrink_; // 0: failures are not made shorter
  unsigned told_ = 0;
  std::uint64_t ran_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::int64_t lived_ = 0;
  std::uint64_t steps_ = 0;
  ledger::counts seen_;
};

int read_and_go(int argc, char** argv) {
  command_line given;
  CLI::App app("Runs clusters of nodes on a simulated machine, each from a seed.", "coppice-simulated");
  app.add_option("--seed", given.seeds, "run these alone; --for is simulated time then");
  app.add_option("--first", given.first, "the seed to begin with");
  app.add_option("--count", given.count, "how many seeds, in place of --for");
  app.add_option("--for", given.length, "how long to search: 60s, 5m");
  app.add_option("--only", given.only, "one workload: " + workload_names());
  app.add_flag("--trace", given.trace, "each thing that goes into the hash, to standard error");
  app.add_flag("--story", given.story, "what happens, in sentences");
  app.add_option("--shrink", given.shrink, "how long a failure is made shorter; 0: not at all");
  app.add_option("--without", given.without, "faults that are left out: 1-4,7");
  app.add_option("--busy", given.busy, "simulated time after which clients begin nothing");
  app.add_option("--hosts", given.left_out.hosts, "the most hosts");
  app.add_option("--changes", given.left_out.most_changes,
                 "how often the seed decides which thread runs next");
  app.add_flag("--usual-bounds", given.left_out.usual_bounds, "no bound of the product is small");
  app.add_flag("--until-failed", given.until_failed, "end the search at the first seed that fails");
  app.add_flag("--twice", given.twice, "run each seed twice: the hashes must be the same");
  const std::string tests = "For the tests of the hash";
  app.add_option("--other-choice", given.spoiled.other_choice, "swaps the N-th choice of a thread")
      ->group(tests);
  app.add_option("--real-clock", given.spoiled.real_clock, "the N-th reading of a clock is real")
      ->group(tests);
  app.add_flag("--by-address", given.spoiled.by_address, "goes through what is ready by address")
      ->group(tests);
  CLI11_PARSE(app, argc, argv);
  std::chrono::nanoseconds length{};
  std::chrono::nanoseconds shrink{};
  std::chrono::nanoseconds busy = std::chrono::nanoseconds::max();
  const bool readable = read_length(given.length, length) && read_length(given.shrink, shrink) &&
                        (given.busy.empty() || read_length(given.busy, busy)) &&
                        read_ranges(given.without, given.left_out.left_out);
  if (!readable || (!given.only.empty() && !is_workload(given.only))) {
    fmt::print(stderr, "coppice-simulated: no such length, no such faults, or no such workload\n");
    return 2;
  }
  given.left_out.busy = busy.count();
  if (!given.seeds.empty() && app.count("--for") == 0) length = std::chrono::seconds(20);
  return search(given, length, shrink).go();
}

} // namespace

int main(int argc, char** argv) {
  if (is_apart(argc, argv)) return run_here();
  return read_and_go(argc, argv);
}
