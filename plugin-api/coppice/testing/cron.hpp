// SPDX-License-Identifier: MIT
// The node's cron for an actor under test: its jobs run as the wall clock passes their times, and the actor's
// own timers run in between. A test can also set the wall clock.
//
//   actor reports(plugin::linked());
//   cron_clock cron(reports, sys_days(2026y / March / 29));
//   cron.add({.name = "nightly", .times = {sys_days(2026y / March / 29) + 1h}, .how = cron_job::call});
//   const auto runs = cron.advance(24h);
//   CHECK(runs.at(0).succeeded());
//   CHECK(runs.at(0).reply == atom("ok"));
//
// The times at which an expression is due in a zone do not depend on the actor: `coppice cron explain
// EXPRESSION --timezone ZONE` prints them. This header gives the actor its runs: each time once; late or
// never if the clock was set forward over it; never again if it was set back. In the test's
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <coppice/testing.hpp>

namespace coppice::testing {

/// A job as in a configuration, as far as the actor sees it.
struct cron_job {
  enum action : std::uint8_t { send, cast, call };
  enum missed_times : std::uint8_t { none, once, all };

  std::string name;
  std::vector<std::chrono::sys_seconds> times; ///< its due times, in UTC
  action how = send;
  value message = {};         ///< none: {cron, Name, Seconds}, the node's default
  missed_times missed = none; ///< what happens to times that the clock was set past
};

/// The result of one time of a job.
struct cron_run {
  std::string job;
  std::chrono::sys_seconds at;
  std::optional<answer> reply = {}; ///< for a call
  bool ended = false;               ///< the run ended the actor

  /// As the node judges it: a failed run is tried again as the job's `on_failure` says.
  bool succeeded() const;
};

class cron_clock {
 public:
  /// Sets the actor's wall clock to `begin`.
  cron_clock(actor& of, std::chrono::sys_time<nanoseconds> begin) : actor_(of) { actor_.set_wall(begin); }

  std::chrono::sys_time<nanoseconds> now() const { return actor_.wall_now(); }
  /// Times before now() count as past.
  void add(cron_job one);
  /// Lets time pass. Returns the runs, ordered by their times.
  std::vector<cron_run> advance(nanoseconds span);
  /// Sets the wall clock, as an operator does or a machine that wakes from sleep; other clocks do not change.
  /// Returns the runs that are caught up. If the clock is set back, no time comes twice.
  std::vector<cron_run> set(std::chrono::sys_time<nanoseconds> to);

 private:
  // As in the node: a run is missed if it is later than `delay`; of the missed times at most the last
  // `most_caught_up` run.
  static constexpr std::chrono::seconds delay{60};
  static constexpr std::size_t most_caught_up = 100;

  static std::size_t on_time(const std::vector<std::chrono::sys_seconds>& times,
                             std::chrono::sys_time<nanoseconds> now);
  static std::chrono::sys_seconds take_time(cron_job& of);
  cron_job* first_until(std::chrono::sys_time<nanoseconds> end);
  cron_run run(const cron_job& of, std::chrono::sys_seconds at);
  static value usual(const std::string& name, std::chrono::sys_seconds at);

  actor& actor_;
  std::vector<cron_job> jobs_;
};

} // namespace coppice::testing
