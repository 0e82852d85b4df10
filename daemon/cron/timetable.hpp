// SPDX-License-Identifier: MIT
// The jobs of a node and the times of their runs: which runs are due, how long nothing is due, and what
// happens to times that passed unnoticed, to a run whose predecessor is still under way, and to a failed run.
// It reads no clock, keeps no timer and runs nothing. Its owner passes the time, sleeps for wait() (and calls
// look() at once when the wall clock is set), carries out the runs that look() returns and reports how they
// ended. One thread, its owner's.
//
// An expression's times are wall-clock times, so they follow the clock when it is set. Forward, or while the
// machine sleeps: the times in between are missed. Back by up to three hours: this counts as a correction,
// and nothing runs a second time. Back by more: the clock was wrong before, and its new times count. Spans
// (@every, the wait before a retry, jitter) use the steady clock, so they last as long as they say.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cron/schedule.hpp"

namespace coppice::cron {

// One moment on both clocks.
struct moment {
  std::chrono::sys_time<std::chrono::nanoseconds> wall;
  std::chrono::nanoseconds steady{}; // from any beginning; never goes back
};

// What to do when a run is due and the run before it is still under way.
enum class overlap : std::uint8_t {
  skip,  // the run is dropped
  queue, // the run waits, with at most max_waiting others
  allow, // they run side by side, up to max_under_way
};
// The answer to a request for a run.
enum class asked : std::uint8_t {
  no_such_job,
  under_way, // it begins at the next look()
  waiting,   // it waits for the run under way
  skipped,   // dropped by the policy for overlaps
};
// Which of the times that passed while the node did not run, or slept, run afterwards.
enum class missed : std::uint8_t { none, once, all };

struct retry_policy {
  std::uint32_t attempts = 0; // retries after the first run
  std::chrono::seconds first{10}, longest{300};
  bool operator==(const retry_policy&) const = default;
};

struct job {
  std::string name;
  expression at;
  zone in;
  clock_changes changes;
  overlap when_busy = overlap::skip;
  missed when_missed = missed::none;
  std::chrono::seconds within{std::chrono::hours(6)}; // older times are not made up for
  std::chrono::seconds jitter{};                      // each run is delayed by a span below this
  retry_policy on_failure;
  bool enabled = true;
  bool operator==(const job&) const = default;
};

// A run that the owner carries out and then reports by finished() with its number.
struct run {
  std::uint64_t number = 0;
  std::string job;
  instant at; // the time that the run is for. A retry: that of the first run. A requested run: when it was
              // requested
  std::uint32_t attempt = 0; // 1: the first retry
  enum class cause : std::uint8_t { due, missed, asked, retry } why = cause::due;
  bool operator==(const run&) const = default;
};

// State of a job that outlives the process.
struct kept_state {
  std::string at;               // expression and zone as text. If they have changed, nothing was missed
  instant seen;                 // times up to here are handled
  std::optional<bool> switched; // set by enable or disable, and replaces the job's own value
  bool operator==(const kept_state&) const = default;
};

struct job_report {
  std::string name;
  bool enabled = true;
  bool switched_off = false; // an operator has disabled it although the job itself is enabled
  bool here = true;
  std::optional<instant> next; // empty: not within 40 years, disabled, or @reboot
  std::optional<instant> last; // the time that the last run was for
  std::optional<bool> last_succeeded;
  std::chrono::nanoseconds last_took{};
  std::uint32_t under_way = 0; // includes runs that wait for a retry
  std::uint32_t waiting = 0;
  // How long the run that began first has been under way. Empty: no run is, or it waits for a retry.
  std::optional<std::chrono::nanoseconds> running;
  // Due times in a row that found no place beside the runs under way. 0: a run has ended since, or none did.
  std::uint32_t overlapped = 0;
  // How long the job has been held. Empty: it is not.
  std::optional<std::chrono::nanoseconds> held;
  // Counted since the job was added.
  std::uint64_t runs = 0, failures = 0, retries = 0;
  std::uint64_t skipped = 0; // dropped by the policy for overlaps
  std::uint64_t missed = 0;  // times that never ran; one look() counts at most max_caught_up
};

class timetable {
 public:
  static constexpr std::size_t max_caught_up = 100;
  static constexpr std::size_t max_waiting = 100;
  static constexpr std::size_t max_under_way = 100;
  // A run that is later than this is missed.
  static constexpr std::chrono::seconds on_time{60};
  // The wall clock going back by at most this is a correction.
  static constexpr std::chrono::hours correction{3};

  // `jobs` are those of the node's start, so @reboot is due for them. `kept` says from which time on their
  // times may have been missed.
  timetable(std::vector<job> jobs, const std::map<std::string, kept_state>& kept, moment now);
  ~timetable();
  timetable(const timetable&) = delete;
  timetable& operator=(const timetable&) = delete;

  // Replaces the jobs. An unchanged job is not disturbed. A changed job keeps its counters and is due from
  // `now` on by its new times. Runs of a removed job end without effect. Names are unique.
  void change(std::vector<job> jobs, moment now);

  // Returns the runs that are due, ordered by time. Must be called at least once for each time that wait()
  // gives.
  std::vector<run> look(moment now);
  // Time until something is due, if the wall clock is not set. Empty: nothing will be. Zero: look() at once.
  std::optional<std::chrono::nanoseconds> wait(moment now) const;

  // A run has ended. An unknown number is ignored: the job may be gone.
  void finished(std::uint64_t number, bool succeeded, moment now);

  // Requests a run. It takes place whether the job is enabled or not, and on any node.
  asked ask(std::string_view name, moment now);
  // Returns false if there is no such job.
  bool enable(std::string_view name, bool on, moment now);
  // Whether the job's times run on this node from now on; if not, another node runs them and they pass here.
  // `overdue`: whether times that passed while the job was held run now. Returns false if there is no such
  // job.
  bool place(std::string_view name, bool here, bool overdue, moment now);
  // The job's times wait until the next place(), including those before its first place(). Returns false if
  // there is no such job.
  bool hold(std::string_view name, moment now);
  // Gives back a run that look() returned and that was not begun. The next look() returns it again if the job
  // still exists.
  void put_back(const run& one);

  // The state to keep over a restart, for jobs that need one: jobs that ignore missed times need none.
  std::map<std::string, kept_state> keep() const;
  std::vector<job_report> report(moment now) const; // by name
  // The times in (now, now + span] of enabled jobs, in order, at most `limit`, without those of @every.
  std::vector<std::pair<instant, std::string>> coming(moment now, std::chrono::seconds span,
                                                      std::size_t limit) const;

 private:
  struct entry;
  using nanos = std::chrono::nanoseconds;
  struct under_way {
    run of;
    nanos began;
  };

  entry* find(std::string_view name) const;
  void plan(entry& of, moment now);
  void unplan(entry& of);
  void take_overdue(entry& of, moment now);
  void forget_runs(std::string_view job);
  void set_back(moment now);
  void take_times(entry& of, moment now);
  void take_span(entry& of, moment now);
  void take_delayed(moment now);
  asked offer(entry& of, instant at, run::cause why, moment now);
  void begin(entry& of, run one, moment now);

  std::map<std::string, std::unique_ptr<entry>, std::less<>> jobs_;
  // The next due time of each job, with the job's name, which is owned by its entry.
  std::set<std::pair<instant, std::string_view>> by_wall_;
  std::set<std::pair<nanos, std::string_view>> by_steady_;
  std::multimap<nanos, run> delayed_; // delayed by jitter, or waiting for a retry
  std::map<std::uint64_t, under_way> under_way_;
  std::vector<run> ready_; // for the next look()
  instant looked_;         // the latest wall-clock time seen
  std::uint64_t last_number_ = 0;
};

} // namespace coppice::cron
