// SPDX-License-Identifier: MIT
// The durable log of a node, as its engines use it: one log for all of them, opened when the first of them
// needs it. The node makes the object, gives it to its tree (engine_resources), and closes it once all
// processes have ended.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "durable/disk.hpp"
#include "durable/log.hpp"

namespace coppice::behaviours {

// For people: health, status.
struct journal_report {
  std::string folder;
  bool is_open = false;
  durable::log_report log;              // of an open log
  std::vector<durable::damage> damages; // of an open log
  std::optional<base::error> failure;   // why it could not be opened, or has ended
};

class journal {
 public:
  // `on` outlives the object. The folder is made when the log is opened, with the folders above it.
  explicit journal(std::string folder, durable::disk& on = durable::real_disk());
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;

  // Opens the log at the first call, which reads the whole of it and blocks for as long. Every later call
  // returns what the first one did. Any thread.
  base::status open();
  // Calls open() if an earlier run of the node has left a log. An error is kept for the later callers of
  // open().
  void open_existing();
  // Writes everything that was submitted and closes the log. No process may use it any more. The owner's
  // thread.
  void close();

  // Null: open() was not called, or has failed. Valid until close(). Any thread.
  durable::shared_log* log() const;
  // Added to the monotonic clock: the system clock's time when the object was made. Times in the log are on
  // this one scale for as long as the node lives, however the system clock is set.
  base::nanos clock_offset() const { return clock_offset_; }
  journal_report report() const; // any thread
  // Calls `look` with the log if it is open. It stays open meanwhile, so `look` has to be short, and calls
  // nothing of this object. Any thread.
  void look(const std::function<void(const durable::shared_log&)>& look) const;

 private:
  const std::string folder_;
  durable::disk& disk_;
  const base::nanos clock_offset_ = base::wall_now() - base::mono_now();
  mutable std::mutex lock_; // of all below
  bool tried_ = false;
  std::unique_ptr<durable::shared_log> log_;
  std::optional<base::error> failure_; // of opening
};

} // namespace coppice::behaviours
