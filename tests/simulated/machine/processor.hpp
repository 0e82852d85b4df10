// SPDX-License-Identifier: MIT
// What the processor itself would let a program know: its counter. The machine's first thread, once.
#pragma once

namespace coppice::simulated {

// From here on the counter reads 0, and a crash ends the process with its place.
void prepare_processor();
// Before the process has done anything: starts the program again if its addresses are random, so that a walk
// in the order of addresses is the same in each run, and in an environment that is always the same.
void take_chance_away(int argc, char** argv);

} // namespace coppice::simulated
