// SPDX-License-Identifier: MIT
// A run in a process of its own: the same program, started again with an empty environment, one fixed
// argument and addresses that are not random. Runs differ only in the task.
#pragma once

#include <string>

#include "run.hpp"

namespace coppice::simulated {

struct outcome {
  bool good = false;
  result made;      // of a failed run only its progress
  std::string said; // the log; its last line says which invariant was broken
};

// Waits for the end of the run, for several times the seconds that a run of that length needs.
outcome run_apart(const task& what);

// True: this process was started by run_apart().
bool is_apart(int argc, char** argv);
// The run, in the process that run_apart() has started. Returns only if there is no task to be read.
int run_here();

// The broken invariant, without what differs from one failure of it to another: numbers, and what follows
// the invariant. Compares failures.
std::string failure_of(const outcome& bad);
// The last thing that the run said about its failure, with all numbers.
std::string reason_of(const outcome& bad);

} // namespace coppice::simulated
