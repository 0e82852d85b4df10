// SPDX-License-Identifier: MIT
// See shrink.hpp. A run is made shorter by leaving out parts that the seed had decided: the time after the
// failure, faults, new requests of clients, hosts, small bounds, changes between threads. Each cut makes
// another run, whose further draws may differ, so a cut is kept if the run still fails, and fails in the same
// way.
#include "shrink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace coppice::simulated {
namespace {

constexpr unsigned most_tries = 400;
constexpr std::size_t most_lines = 60; // of a story that is not whole, besides the faults

class shrinker {
 public:
  shrinker(const task& failed, const outcome& bad, std::chrono::nanoseconds most)
      : best_(failed), failure_(failure_of(bad)), at_(bad.made.at), ends_(clock::now() + most) {}

  void go() {
    drop_the_rest();
    do {
      kept_ = 0;
      drop_faults();
      drop_actions();
      drop_hosts();
      drop_small_bounds();
      drop_changes();
      drop_time();
    } while (kept_ > 0 && !over());
  }
  const task& best() const { return best_; }
  unsigned tries() const { return tries_; }

 private:
  using clock = std::chrono::steady_clock;

  bool over() const { return tries_ >= most_tries || clock::now() >= ends_; }
  // Whether that run still fails in the same way. If so it is the best one from now on.
  bool still(const task& tried) {
    if (over()) return false;
    ++tries_;
    const outcome out = run_apart(tried);
    if (out.good || failure_of(out) != failure_) return false;
    best_ = tried;
    at_ = out.made.at;
    drop_the_rest();
    ++kept_;
    return true;
  }

  // Cuts the time after the failure. The length counts from when the cluster is ready, so the failure is
  // still within it.
  void drop_the_rest() {
    best_.length = std::min(best_.length, (at_.now - begins_at) / millisecond * millisecond + millisecond);
  }
  void drop_time() {
    smallest(static_cast<std::uint64_t>(best_.length / millisecond), [](task& tried, std::uint64_t length) {
      tried.length = static_cast<nanos>(length) * millisecond;
    });
  }
  // Leaves out as many faults as it can: all, halves, quarters, down to each.
  void drop_faults() {
    std::vector<std::size_t> kept;
    for (std::size_t one = 0; one < std::min<std::size_t>(at_.faults, cuts::most_faults); ++one)
      if (!best_.without.left_out[one]) kept.push_back(one);
    for (std::size_t part = kept.size(); part > 0 && !over(); part /= 2)
      for (std::size_t from = 0; from < kept.size() && !over();) {
        const std::size_t until = std::min(kept.size(), from + part);
        task tried = best_;
        for (std::size_t one = from; one < until; ++one) tried.without.left_out.set(kept[one]);
        if (still(tried))
          kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(from),
                     kept.begin() + static_cast<std::ptrdiff_t>(until));
        else
          from = until;
      }
  }
  void drop_actions() {
    const nanos most = std::min(best_.without.busy, best_.length);
    smallest(static_cast<std::uint64_t>(most / millisecond), [this](task& tried, std::uint64_t length) {
      tried.without.busy = static_cast<nanos>(length) * millisecond;
    });
  }
  void drop_hosts() {
    for (unsigned hosts = 2; hosts < std::min(best_.without.hosts, 5U); ++hosts) {
      task tried = best_;
      tried.without.hosts = hosts;
      if (still(tried)) return;
    }
  }
  void drop_small_bounds() {
    if (best_.without.usual_bounds) return;
    task tried = best_;
    tried.without.usual_bounds = true;
    still(tried);
  }
  void drop_changes() {
    smallest(std::min(best_.without.most_changes, at_.changes),
             [](task& tried, std::uint64_t count) { tried.without.most_changes = count; });
  }
  // Finds the smallest value that still fails, by halves, and tries 0 first.
  template <class Set>
  void smallest(std::uint64_t most, Set set) {
    std::uint64_t least = 0;
    for (std::uint64_t middle = 0; least < most && !over(); middle = least + (most - least) / 2) {
      task tried = best_;
      set(tried, middle);
      if (still(tried))
        most = middle;
      else
        least = middle + 1;
      if (most - least < most / 50) return;
    }
  }

  task best_;
  std::string failure_;
  progress at_; // of the best run, when it failed
  clock::time_point ends_;
  unsigned tries_ = 0;
  unsigned kept_ = 0;
};

// Numbers from 1 on, as 1-4,7.
std::string ranges(const std::bitset<cuts::most_faults>& of) {
  std::string out;
  for (std::size_t from = 0; from < of.size(); ++from) {
    if (!of[from]) continue;
    std::size_t to = from;
    while (to + 1 < of.size() && of[to + 1]) ++to;
    out += fmt::format("{}{}", out.empty() ? "" : ",", from + 1);
    if (to > from) out += fmt::format("-{}", to + 1);
    from = to;
  }
  return out;
}

std::string options_of(const task& of) {
  std::string out = fmt::format("--seed {} --for {}ms", of.seed, of.length / millisecond);
  if (of.only[0] != '\0') out += fmt::format(" --only {}", of.only.data());
  if (of.without.left_out.any()) out += " --without " + ranges(of.without.left_out);
  if (of.without.busy < of.length) out += fmt::format(" --busy {}ms", of.without.busy / millisecond);
  if (of.without.hosts < most_hosts) out += fmt::format(" --hosts {}", of.without.hosts);
  if (of.without.usual_bounds) out += " --usual-bounds";
  if (of.without.most_changes != UINT64_MAX) out += fmt::format(" --changes {}", of.without.most_changes);
  return out;
}

// A line that tell_line() has printed, for people. Empty: it is no such line.
std::string sentence(const std::string& line, bool& is_fault) {
  std::istringstream in(line);
  std::string kind;
  nanos when = 0;
  unsigned host = 0;
  if (!(in >> kind >> when >> host) || (kind != "fault" && kind != "story")) return {};
  is_fault = kind == "fault";
  std::string rest;
  std::getline(in, rest);
  const std::string where = host == 0 || is_fault ? std::string() : fmt::format("host {}:", host);
  return fmt::format("{:>12.6f} s  {:<8}{}\n", static_cast<double>(when) / second, where, rest);
}

} // namespace

std::string story_of(const outcome& of, bool whole) {
  std::vector<std::pair<bool, std::string>> lines;
  std::istringstream in(of.said);
  std::size_t others = 0;
  for (std::string line; std::getline(in, line);) {
    bool is_fault = false;
    if (std::string made = sentence(line, is_fault); !made.empty()) {
      lines.emplace_back(is_fault, std::move(made));
      if (!is_fault) ++others;
    }
  }
  std::string out;
  std::size_t skipped = 0;
  const auto say_skipped = [&] {
    if (skipped > 0) out += fmt::format("{:>14}  ({} lines of the workload)\n", "...", skipped);
    skipped = 0;
  };
  for (const auto& [is_fault, line] : lines) {
    const bool shown = is_fault || whole || others <= most_lines;
    if (!is_fault) --others;
    if (!shown) {
      ++skipped;
      continue;
    }
    say_skipped();
    out += line;
  }
  if (!of.good)
    out += fmt::format("{:>12.6f} s  broken: {}\n", static_cast<double>(of.made.at.now - begins_at) / second,
                       reason_of(of));
  return out;
}

void tell_failure(task failed, const outcome& bad, std::chrono::nanoseconds most) {
  shrinker shorter(failed, bad, most);
  if (most.count() > 0) shorter.go();
  task best = shorter.best();
  best.story = true;
  const outcome told = run_apart(best);
  const progress& at = told.made.at;
  std::size_t left_out = 0;
  for (std::size_t one = 0; one < std::min<std::size_t>(at.faults, cuts::most_faults); ++one)
    left_out += best.without.left_out[one] ? 1 : 0;
  fmt::print("The shortest run found in {} tries has {} faults and {} changes of thread:\n", shorter.tries(),
             at.faults - left_out, at.changes);
  fmt::print("  packaging/dev simulate {}\n{}", options_of(best), story_of(told, false));
  if (told.good || failure_of(told) != failure_of(bad))
    fmt::print("This run did not fail in the same way: runs of one seed differ here.\n");
}

} // namespace coppice::simulated
