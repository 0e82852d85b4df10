// SPDX-License-Identifier: MIT
// Counts how often this node was restarted after failures. The count is kept beside the control socket, in a
// folder from the service manager that lasts as long as the machine runs. A node that fails again and again
// waits before it starts, longer each time and without a limit of attempts, since the cause may have been
// mended. The first restart does not wait. The main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// The content of the file.
struct earlier_lives {
  std::uint64_t restarts = 0; // after failures, since the node was started by hand
  std::uint64_t in_a_row = 0; // of `restarts`, those that followed soon after the one before
  base::nanos started = 0;    // when the last run began, monotonic
};

// Adds the run that begins at `now`, after a run that was not ended by hand.
earlier_lives one_more(const earlier_lives& before, base::nanos now);
// Nanoseconds to wait before the start.
base::nanos wait_before(std::uint64_t failures_in_a_row);

class restart_record {
 public:
  // Uses the first folder of RUNTIME_DIRECTORY. Without that nothing is kept.
  explicit restart_record(const spec::node_spec& of);
  // Uses that file.
  explicit restart_record(std::string file) : file_(std::move(file)) {}

  // Reads the record of the run before, and writes that of this run.
  earlier_lives begin(base::nanos now);
  // This run was ended by hand, so the next start counts as the first.
  void end() const;

 private:
  std::string file_; // empty: none
};

} // namespace coppice::node
