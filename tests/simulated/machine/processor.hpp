// SPDX-License-Identifier: MIT
// What the processor itself would let a program know: its counter. The machine's first thread, once.
#pragma once

namespace coppice::simulated {

// From here on the counter reads 0, and a crash ends the process with its place.
void prepare_processor();
// Starts this program again, with that argument and nothing else, at addresses that are the same each time,
// so that a walk in their order is the same, too. Returns if it cannot.
void start_again(const char* argument);
// Closes the kernel's descriptors from there on.
void kernel_close_from(int first);

} // namespace coppice::simulated
