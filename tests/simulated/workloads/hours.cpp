// SPDX-License-Identifier: MIT
// The workload for long runs: three nodes that live through hours, with calls, casts, links and monitors
// between them and a job of each node. Each minute one node reloads a plugin, and one is cut off from the
// others for some seconds. No host is killed and no disk fails. Invariants: those of plain actors, a reload
// is answered and succeeds, each node has run its job in every minute but some, and after the faults every
// node answers.
// rooms: node
#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "../machine/network.hpp"
#include "../machine/story.hpp"
#include "actors.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "reloads.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

constexpr unsigned nodes = 3;
constexpr std::string_view clerk_name = "clerk";
constexpr nanos minute = 60 * second;

// Counts the runs of its host's job.
class clerk final : public behaviours::native_server {
 public:
  explicit clerk(std::uint64_t& runs) : native_server("clerk"), runs_(runs) {}

 private:
  runtime::outcome handle_cast(runtime::process&, const runtime::message&) override {
    the_ledger().job_ran();
    ++runs_;
    return runtime::carry_on();
  }

  std::uint64_t& runs_;
};

class hours final : public workload {
 public:
  bool has_sound_states() const override { return true; }
  unsigned hosts() const override { return nodes; }
  bool meet() const override { return true; }
  std::string children(const cluster&, unsigned) const override {
    return fmt::format(
        "cron:\n  jobs:\n    - {{ name: own, at: \"*/10 * * * * *\", do: {{ cast: {{ to: {} }} }} }}\n",
        clerk_name);
  }
  void populate(cluster& all, unsigned host) override {
    if (begun_ == 0) begun_ = now();
    add_load(all, host);
    add_process(all, host, std::string(clerk_name), std::make_unique<clerk>(runs_[host]));
    add_client(all, host, {.calls = true, .casts = true, .watches = true});
  }
  void lost(unsigned) override {}
  nanos between_faults(draws& its) const override { return its.between(20 * second, 35 * second); }
  bool disturb(cluster& all, draws& its) override {
    const auto host = 1 + static_cast<unsigned>(its.below(nodes));
    tell_fault("host {} is cut off from the others", host);
    part(host, &cut);
    let_pass(its.between(second, 15 * second));
    tell_fault("host {} reaches the others again", host);
    part(host, &heal);
    reloads_.now(all, 1 + static_cast<unsigned>(its.below(nodes)), "kv");
    let_pass(its.between(10 * second, 15 * second));
    return true;
  }
  void check(cluster& all) override {
    reloads_.check_answered(nodes);
    for (unsigned from = 1; from <= nodes; ++from) {
      const auto expected = static_cast<std::uint64_t>((now() - begun_) / minute) * 5;
      if (runs_[from] < expected)
        the_ledger().broken(
            fmt::format("a job of a node runs when it is due: that of host {} ran {} times, of {}", from,
                        runs_[from], expected));
      for (unsigned to = 1; to <= nodes; ++to) {
        const std::string told = all.ask(from, "kv@" + all.name(to), "size", 10 * second);
        if (told != "0")
          the_ledger().broken(fmt::format("after the faults every node answers: {} asked {} and got {}",
                                          all.name(from), all.name(to), told));
      }
    }
    the_ledger().check_all_told();
  }

 private:
  static void part(unsigned host, void (*does)(unsigned, unsigned)) {
    for (unsigned other = 1; other <= nodes; ++other) {
      if (other == host) continue;
      does(host, other);
      does(other, host);
    }
  }

  reloads reloads_;
  nanos begun_ = 0;
  std::array<std::uint64_t, most_hosts> runs_{};
};

} // namespace

std::unique_ptr<workload> make_hours() {
  return std::make_unique<hours>();
}

} // namespace coppice::simulated
