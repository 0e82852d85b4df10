// SPDX-License-Identifier: MIT
// The workload of jobs: each node has a job of its own and jobs for one of the connected nodes, all due each
// second, while the service that runs them is killed now and then. Invariants: each due time of a job for
// one node is run, in time or late, by one of the nodes that see each other, and in a partition by one on
// each side. A minute after the last fault each node runs its own job every second, and one of the nodes
// runs the other jobs.
// rooms: node
#include <fmt/format.h>

#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "base/clock.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "ledger.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr std::string_view own = "own";
constexpr std::array<std::string_view, 2> shared{"shared", "caught_up"}; // jobs for one of the nodes
constexpr std::string_view clerk_name = "clerk";
// Nodes that have been connected for this long know which of them runs a job.
constexpr nanos time_to_settle = 10 * second;
// A node that has just met other nodes runs nothing for two seconds.
constexpr nanos time_to_place = 1900 * millisecond;
// A run that is later than this is a late run for a missed time.
constexpr nanos on_time = 8 * second;
constexpr nanos judged = 15 * second; // at the end of the time without faults; every run in it is checked

struct run_of_job {
  unsigned host = 0;
  nanos came = 0;
};

// The runs of all hosts. Never destroyed, because clerks of a killed host never end.
struct log_of_runs {
  const cluster* of = nullptr;
  std::map<std::pair<std::string, std::int64_t>, std::vector<run_of_job>> runs; // by job and wall time
  std::array<nanos, most_hosts> began{};                                        // start of the host's life
};

// Whether `from` reports that it has been connected to `to` for at least `length`.
bool sees(const cluster& all, unsigned from, unsigned to, nanos length) {
  if (all.at(from) == nullptr) return false;
  const on_host here(from);
  for (const node::peer_status& one : all.at(from)->snapshots().peers())
    if (one.name == all.name(to)) return one.state == "connected" && base::wall_now() - one.since >= length;
  return false;
}

// Receives the casts of jobs: {cron, Job, Time}.
class clerk final : public native_server {
 public:
  clerk(log_of_runs& into, unsigned host) : native_server("clerk"), log_(into), host_(host) {}

 private:
  runtime::outcome handle_cast(process&, const message& m) override {
    etf::cursor in(m.bytes());
    etf::bytes name;
    std::int64_t time = 0;
    if (!in.read_tuple_of(3) || !in.read_atom_is("cron") || !in.read_binary(name) || !in.read_integer(time))
      the_ledger().broken("what a job casts arrives as it was: " + etf::print(m.bytes()));
    the_ledger().job_ran();
    const std::string job(reinterpret_cast<const char*>(name.data()), name.size());
    tell("the job {} runs for the time {}", job, time);
    std::vector<run_of_job>& before = log_.runs[{job, time}];
    for (const run_of_job& one : before) compare(one, job, time);
    before.push_back({host_, now()});
    return runtime::carry_on();
  }
  // Checks this run against another run for the same time.
  void compare(const run_of_job& other, const std::string& job, std::int64_t time) const {
    // A node that was killed may not know which jobs it has run.
    if (other.came < log_.began[other.host]) return;
    if (other.host == host_) {
      the_ledger().broken(
          fmt::format("a job runs once for a time: {} of {} ran on host {} twice", job, time, host_));
      return;
    }
    if (job == own) return;
    const bool is_late = base::wall_now() - time * second > on_time;
    const nanos known = is_late ? time_to_place : time_to_settle;
    if (sees(*log_.of, host_, other.host, known) && sees(*log_.of, other.host, host_, known))
      the_ledger().broken(fmt::format(
          "a job for one node runs once while the nodes see each other: {} of {} ran on host {}, and "
          "{} on host {}",
          job, time, other.host, is_late ? "late" : "in time", host_));
  }

  log_of_runs& log_;
  unsigned host_;
};

// Kills the service of jobs, less often than its supervisor's intensity allows. Mostly at the start of a
// second: jobs are due then, and the service waits for its file.
class killer final : public native_server {
 public:
  killer() : native_server("killer") {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    tell("the service of jobs is killed");
    if (const auto whom = self.host().whereis("coppice_cron")) self.exit(*whom, runtime::reasons::kill());
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    nanos pause = draw_between(2500 * millisecond, 6 * second);
    if (!one_in(4)) {
      pause += second - (base::wall_now() + pause) % second;
      pause += one_in(3) ? draw_between(0, 50 * millisecond) : draw_between(0, 4 * millisecond);
    }
    self.remind(self.now() + pause, message::atom("go"));
  }
};

class jobs final : public workload {
 public:
  jobs() : hosts_(draw_hosts(2, 3)) {}

  unsigned hosts() const override { return hosts_; }
  bool meet() const override { return true; }
  bool has_steady_clocks() const override { return true; }
  std::string children(const cluster&, unsigned) const override {
    constexpr std::string_view does = "at: \"* * * * * *\", do: { cast: { to: clerk } }";
    return fmt::format(
        "cron:\n"
        "  jobs:\n"
        "    - {{ name: {}, {}, missed: {{ run: once, within: 1h }} }}\n"
        "    - {{ name: {}, {}, where: one }}\n"
        "    - {{ name: {}, {}, where: one, missed: {{ run: all, within: 1h }} }}\n",
        own, does, shared[0], does, shared[1], does);
  }
  void populate(cluster& all, unsigned host) override {
    log_.of = &all;
    log_.began[host] = now();
    add_process(all, host, std::string(clerk_name), std::make_unique<clerk>(log_, host));
    add_process(all, host, "killer", std::make_unique<killer>());
  }
  void lost(unsigned) override {}
  void check(cluster& all) override {
    for (unsigned host = 1; host <= hosts_; ++host) {
      const std::string told = all.ask(host, "kv", "size", 10 * second);
      if (told != "0")
        the_ledger().broken(fmt::format("after the faults every node answers: host {} said {}", host, told));
      every_second(own, host);
    }
    for (const std::string_view job : shared) every_second(job, 0);
  }

 private:
  // `host` 0: one of the hosts runs the job.
  void every_second(std::string_view job, unsigned host) const {
    std::map<std::int64_t, unsigned> times; // how often each time was run
    for (const auto& [what, runs] : log_.runs) {
      if (what.first != job) continue;
      for (const run_of_job& one : runs)
        if (one.came > now() - judged && (host == 0 || one.host == host)) ++times[what.second];
    }
    const std::string whose = host == 0 ? std::string("of one node") : fmt::format("of host {}", host);
    if (times.size() + 3 < static_cast<std::size_t>(judged / second))
      the_ledger().broken(
          fmt::format("a minute after the last fault a job {} runs every second: {} ran {} times in {} s",
                      whose, job, times.size(), judged / second));
    for (const auto& [time, count] : times)
      if (count != 1)
        the_ledger().broken(
            fmt::format("a minute after the last fault a job {} runs once for a time: {} of {} ran "
                        "{} times",
                        whose, job, time, count));
  }

  unsigned hosts_;
  log_of_runs& log_ = *new log_of_runs; // NOLINT: see log_of_runs
};

} // namespace

std::unique_ptr<workload> make_jobs() {
  return std::make_unique<jobs>();
}

} // namespace coppice::simulated
