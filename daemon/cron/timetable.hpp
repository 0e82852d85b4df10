// SPDX-License-Identifier: MIT
// The jobs of a node and when each is to run: what is due at a moment, how long nothing is, what becomes of
// times that passed unseen, of a run whose predecessor is still under way, and of one that failed. It reads
// no clock, keeps no timer and runs nothing: its owner says what time it is, sleeps as long as wait() says
// (and looks again as soon as the wall clock is set), carries out the runs that look() returns and says how
// they ended. One thread, its owner's.
//
// Times of an expression are times of the wall clock, so they follow it when it is set. Forward, or while the
// machine sleeps: the times in between are missed. Back by up to three hours: a correction, nothing runs a
// second time; by more: the clock was wrong before, and its times hold from the new one on. Spans (@every,
// the wait before a retry, jitter) are of the steady clock, so that they take as long as they say.
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

// A run is due and the one before is still under way.
enum class overlap : std::uint8_t {
  skip,  // it does not take place
  queue, // it waits, with at most max_waiting others
  allow, // they run side by side, up to max_under_way
};
// What came of asking for a run.
enum class asked : std::uint8_t {
  no_such_job,
  under_way, // it takes place, at the next look
  waiting,   // behind the one under way
  skipped,   // as the policy for overlaps has it
};
// What becomes of times that passed while nobody looked.
enum class missed : std::uint8_t { none, once, all };

struct retry_policy {
  std::uint32_t attempts = 0; // after the first one
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
  std::chrono::seconds within{std::chrono::hours(6)}; // older ones stay missed
  std::chrono::seconds jitter{};                      // each run is later by less than this
  retry_policy on_failure;
  bool enabled = true;
  bool operator==(const job&) const = default;
};

// What the owner is to carry out, and end by finished() with its number.
struct run {
  std::uint64_t number = 0;
  std::string job;
  instant at; // the time it is for: of a retry the first one's; of one that was asked for, when it was
  std::uint32_t attempt = 0; // 1: the first retry
  enum class cause : std::uint8_t { due, missed, asked, retry } why = cause::due;
  bool operator==(const run&) const = default;
};

// What is known of a job that outlives the process.
struct kept_state {
  std::string at; // its expression and zone, as the timetable writes them: others missed nothing
  instant seen;   // the times up to here are dealt with
  std::optional<bool> switched; // by enable or disable, in place of the job's own
  bool operator==(const kept_state&) const = default;
};

struct job_report {
  std::string name;
  bool enabled = true;
  bool switched_off = false; // by disable, against the job's own
  bool here = true;
  std::optional<instant> next; // none: not within 40 years, disabled, or @reboot
  std::optional<instant> last; // the time that the last run was for
  std::optional<bool> last_succeeded;
  std::chrono::nanoseconds last_took{};
  std::uint32_t under_way = 0; // those waiting for a retry among them
  std::uint32_t waiting = 0;
  // Since the job was added.
  std::uint64_t runs = 0, failures = 0, retries = 0;
  std::uint64_t skipped = 0; // by the policy for overlaps
  std::uint64_t missed = 0;  // times that never ran; of one look at most max_caught_up count
};

class timetable {
 public:
  static constexpr std::size_t max_caught_up = 100;
  static constexpr std::size_t max_waiting = 100;
  static constexpr std::size_t max_under_way = 100;
  // Later than this, a run is missed.
  static constexpr std::chrono::seconds on_time{60};
  // The wall clock is set back by at most this: a correction.
  static constexpr std::chrono::hours correction{3};

  // `jobs` are those of the node's start: @reboot is due for them, and what `kept` says of them is where the
  // times that may have been missed begin.
  timetable(std::vector<job> jobs, const std::map<std::string, kept_state>& kept, moment now);
  ~timetable();
  timetable(const timetable&) = delete;
  timetable& operator=(const timetable&) = delete;

  // From now on these. A job that is the same goes on undisturbed; one that changed keeps what was counted
  // and is due from `now` on by its new times; runs under way of one that is gone end without effect. Names
  // are unique.
  void change(std::vector<job> jobs, moment now);

  // What is due, in the order of its times. At least once for each time that wait() names.
  std::vector<run> look(moment now);
  // How long nothing is due if nobody sets the wall clock; none: for ever. Zero: look at once.
  std::optional<std::chrono::nanoseconds> wait(moment now) const;

  // A run ended. Unknown numbers are let pass: the job may be gone.
  void finished(std::uint64_t number, bool succeeded, moment now);

  // A run that is asked for takes place whether the job is enabled or not, and on any node.
  asked ask(std::string_view name, moment now);
  // False: no such job.
  bool enable(std::string_view name, bool on, moment now);
  // Whether its times run on this node from now on; else they pass, since another node runs them. `overdue`:
  // whether those that came while it was held do.
  bool place(std::string_view name, bool here, bool overdue, moment now);
  // Until place() says whose they are, its times wait: also those from before a job's first place().
  bool hold(std::string_view name, moment now);
  // A run that look() returned and that nobody has begun: the next look() returns it again, if its job is
  // there.
  void put_back(const run& one);

  // Of those that have something to keep: what was missed is nothing to jobs that let it pass.
  std::map<std::string, kept_state> keep() const;
  std::vector<job_report> report(moment now) const; // by name
  // The times in (now, now + span] of enabled jobs, in their order, at most `limit`. Without @every's.
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
  // When each is due next, with its name, which is the entry's.
  std::set<std::pair<instant, std::string_view>> by_wall_;
  std::set<std::pair<nanos, std::string_view>> by_steady_;
  std::multimap<nanos, run> delayed_; // by jitter, and before a retry
  std::map<std::uint64_t, under_way> under_way_;
  std::vector<run> ready_; // for the next look
  instant looked_;         // the latest time of the wall that was seen
  std::uint64_t last_number_ = 0;
};

} // namespace coppice::cron
