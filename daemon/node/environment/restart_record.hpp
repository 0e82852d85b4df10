// SPDX-License-Identifier: MIT
// How often this node was started again because it had failed, written beside its control socket where a
// service manager gives it a folder that lives as long as the machine runs. A node that fails again and again
// waits before it starts, longer each time and without a limit of tries: whatever was wrong may have been
// mended meanwhile. The first new start does not wait. The main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// What is written down.
struct earlier_lives {
  std::uint64_t restarts = 0; // after failures, since the node was started by hand
  std::uint64_t in_a_row = 0; // of these, each soon after the one before
  base::nanos started = 0;    // the last one, monotonic
};

// With the life that begins at `now`, after one that was not ended by hand.
earlier_lives one_more(const earlier_lives& before, base::nanos now);
// How long it waits. ns.
base::nanos wait_before(std::uint64_t failures_in_a_row);

class restart_record {
 public:
  // In the first folder of RUNTIME_DIRECTORY; without that nothing is kept.
  explicit restart_record(const spec::node_spec& of);
  // In that file.
  explicit restart_record(std::string file) : file_(std::move(file)) {}

  // Reads what the life before left, and writes this one down. Not the end of another: nothing is counted.
  earlier_lives begin(base::nanos now);
  // This life was ended by hand: the next one is the first again.
  void end() const;

 private:
  std::string file_; // empty: none
};

} // namespace coppice::node
