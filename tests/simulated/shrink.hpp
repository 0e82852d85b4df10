// SPDX-License-Identifier: MIT
// What is told of a run that failed: the shortest run found that fails in the same way, as the options that
// repeat it and as a story of what happened in it.
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
