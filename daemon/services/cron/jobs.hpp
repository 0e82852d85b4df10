// SPDX-License-Identifier: MIT
// The jobs of a running node, shared by the process that carries them out (cron_service), the runs that end,
// operators who list, run and switch jobs, and `apply`. A file keeps their states. Any thread; functions wait
// only for the lock, which is held at most while all due times are computed, unless marked "Blocks".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "cron/kept_file.hpp"
#include "services/cron/job.hpp"

namespace coppice::services {

// A job as operators see it.
struct cron_row {
  cron::job_report told;
  std::string at; // its cron expression
  cron::zone in;
  bool on_one_node = false;
  std::string group; // whose leader runs it; empty: none
};

// Why an operator ought to look at the job: a run that does not end is in the way of others, or it does not
// turn out which node runs the job. Empty: nothing.
std::string warning_of(const cron_row& of);

// A run, and its action.
struct cron_task {
  cron::run run;
  cron_action action;
};

class cron_jobs {
 public:
  // `file`: the file that keeps the states.
  explicit cron_jobs(std::string file) : file_(std::move(file)) {}

  // Call it first: sets the jobs of the node's start, with their kept states. A fault of the file is logged,
  // and then no state was kept. Blocks.
  base::status start(std::vector<cron_job> jobs);
  // The applications run: from now on due jobs are run.
  void begin();
  // `wake` is called, with the lock held, when the process has something to do; it must not wait. Empty:
  // there is no process.
  void wake_by(std::function<void()> wake);
  // Replaces the jobs.
  void change(std::vector<cron_job> jobs);
  // From now on no job is due, and the ends of runs are ignored.
  void stop();

  std::vector<cron_row> rows() const;
  std::vector<cron::job_report> report() const; // one for each job, by name
  // The times within `span` from now on, in order, at most `limit`.
  std::vector<std::pair<cron::instant, cron_row>> coming(std::chrono::seconds span, std::size_t limit) const;
  // errc::not_found: the text names a similar job. errc::refused: the job runs already.
  base::status run_now(std::string_view name);
  base::status enable(std::string_view name, bool on);
  // Writes the states to the file if they have changed. errc::system: with a text for the operator who
  // switched a job. Blocks.
  base::status save();

  // For the process. Takes the due runs, and writes their states before they are carried out. Blocks.
  std::vector<cron_task> look();
  // How long until a job is due; empty: never.
  std::optional<std::chrono::nanoseconds> wait() const;
  // The names of jobs that run on the connected node with the lowest name.
  std::vector<std::string> on_one_node() const;
  // The names of jobs that run on the node that leads a Raft group, each with the group.
  std::vector<std::pair<std::string, std::string>> led() const;
  // See cron::timetable.
  void place(std::string_view name, bool here, bool overdue);
  void hold(std::string_view name);
  // When this node counts as one that had the job before others came (monotonic). Kept here so that a
  // successor of the process finds it. 0: it is not known yet.
  base::nanos serves(std::string_view name) const;
  void serve_from(std::string_view name, base::nanos when); // 0: forgets it
  // Returns runs of a look() that are not carried out because the process ends. Its successor gets them.
  void give_back(const std::vector<cron_task>& tasks);

  // A run has ended; `how` has the reason of a failure, for the log. Runs of removed jobs, or of a node that
  // stops, are ignored.
  void finished(const cron::run& run, const base::status& how);

 private:
  static cron::moment now();
  base::status unknown(std::string_view name) const;
  void wake();
  base::status save(cron::kept_states keep); // requires `saving_` held

  const std::string file_;
  mutable std::mutex lock_;
  std::unique_ptr<cron::timetable> times_; // null: not started, or stopped
  std::map<std::string, cron_job, std::less<>> jobs_;
  std::map<std::string, base::nanos, std::less<>> serves_;
  std::function<void()> wake_;
  bool begun_ = false;
  bool woken_ = false; // since the last look()

  std::mutex saving_; // taken before lock_; guards the two members below
  cron::kept_states saved_;
  bool cannot_save_ = false; // the failure has been logged
};

} // namespace coppice::services
