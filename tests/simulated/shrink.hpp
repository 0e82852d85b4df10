// SPDX-License-Identifier: MIT
// Reports a run that failed: finds the shortest run that fails in the same way, and prints the options that
// repeat it and the story of the events in it.
#pragma once

#include <chrono>

#include "apart.hpp"

namespace coppice::simulated {

// Prints it to standard output. `bad`: the outcome of that task. Looks for shorter runs for about so long,
// and at some hundred at most. `by_name`: the name of its workload.
void tell_failure(task failed, const outcome& bad, std::chrono::nanoseconds most);
// The story of a run that was run with task::story. `whole`: nothing is left out.
std::string story_of(const outcome& of, bool whole);

} // namespace coppice::simulated
