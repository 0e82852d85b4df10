// SPDX-License-Identifier: MIT
// The processor's counter, and the process's addresses, which would differ between runs. The machine's first
// thread, once.
#pragma once

namespace coppice::simulated {

// From here on the counter reads 0, and a crash ends the process with a stack trace.
void prepare_processor();
// Starts this program again, with that argument alone and without random addresses, so that the order of
// addresses is the same in each run. Returns if it cannot.
void start_again(const char* argument);
// Closes the kernel's descriptors from that number on.
void kernel_close_from(int first);

} // namespace coppice::simulated
