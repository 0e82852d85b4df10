// SPDX-License-Identifier: MIT
// The jobs of a running node, for everyone who has to do with them: the process that carries them out
// (cron_service), the runs that end, operators who look, ask and switch, and `apply`. What they keep is in a
// file. Any thread; nothing waits but for the lock, which is held for a look at all times that are due.
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
  std::string at; // its expression
  cron::zone in;
  bool on_one_node = false;
};

// A run, and what it is to do.
struct cron_task {
  cron::run run;
  cron_action action;
};

class cron_jobs {
 public:
  // `file`: where what they keep is.
  explicit cron_jobs(std::string file) : file_(std::move(file)) {}

  // Before anything else: those of the node's start, with what they kept. What is wrong with the file is
  // told; then nothing was kept. Blocks.
  base::status start(std::vector<cron_job> jobs);
  // The applications run: from now on what is due is done.
  void begin();
  // Called, with the lock held, when there is something for the process to do; it must not wait. Empty: there
  // is no process.
  void wake_by(std::function<void()> wake);
  // From now on these.
  void change(std::vector<cron_job> jobs);
  // From now on nothing is due any more, and the ends of runs are of no interest.
  void stop();

  std::vector<cron_row> rows() const;
  std::vector<cron::job_report> report() const; // of each, by name
  // The times within `span` from now on, in their order, at most `limit`.
  std::vector<std::pair<cron::instant, cron_row>> coming(std::chrono::seconds span, std::size_t limit) const;
  // errc::not_found says which name is like it. errc::refused: it runs already.
  base::status run_now(std::string_view name);
  base::status enable(std::string_view name, bool on);
  // Writes what is to be kept, if that is not what is written. errc::system, in words for who has switched a
  // job. Blocks.
  base::status save();

  // For the process. Takes down what is due, and writes what is to be kept before it is carried out. Blocks.
  std::vector<cron_task> look();
  // How long nothing is due; none: for ever.
  std::optional<std::chrono::nanoseconds> wait() const;
  std::vector<std::string> on_one_node() const; // their names
  // See cron::timetable.
  void place(std::string_view name, bool here, bool overdue);
  void hold(std::string_view name);
  // Those of a look() that nobody will carry out: the process ends. Its successor has them.
  void give_back(const std::vector<cron_task>& tasks);

  // A run ended; `why` it failed, for the log. Nobody is told of runs of jobs that are gone, or of a node
  // that stops.
  void finished(const cron::run& run, const base::status& how);

 private:
  static cron::moment now();
  base::status unknown(std::string_view name) const;
  void wake();
  base::status save(cron::kept_states keep); // `saving_` is held

  const std::string file_;
  mutable std::mutex lock_;
  std::unique_ptr<cron::timetable> times_; // null: not started, or stopped
  std::map<std::string, cron_job, std::less<>> jobs_;
  std::function<void()> wake_;
  bool begun_ = false;
  bool woken_ = false; // since the last look

  std::mutex saving_; // taken before lock_; of the next two
  cron::kept_states saved_;
  bool cannot_save_ = false; // has been said
};

} // namespace coppice::services
