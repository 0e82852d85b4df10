// SPDX-License-Identifier: MIT
// The commands of coppice-epmd to a running EPMD: names, dump, kill, stop. Each runs its own loop until the
// answer is printed or the time is over. The output has the words of Erlang's epmd, because scripts read it.
// The main thread.
#pragma once

#include "epmd/program/options.hpp"

namespace coppice::epmd::program {

// Returns the exit status. 0: done. 1: refused, or no EPMD answers.
int ask(const options& chosen);

} // namespace coppice::epmd::program
