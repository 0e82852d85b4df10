// SPDX-License-Identifier: MIT
// The process's limit of file descriptors. The last few descriptors are a reserve that connections from
// outside may not use, so that the control socket still answers and a plugin can be reloaded. Any thread.
#pragma once

#include <cstddef>

namespace coppice::base {

// Raises the soft limit to the hard limit and returns it. Call it at the start, before there are other
// threads.
std::size_t raise_descriptor_limit();

// The soft limit before it was raised. Programs are started with it, since some know only select().
std::size_t first_descriptor_limit();

// The soft limit.
std::size_t descriptor_limit();

// Whether a descriptor is in the reserve. The kernel hands out the lowest free descriptor, so then all
// outside the reserve are in use.
bool is_last_descriptor(int fd);

// Whether only the reserve is free. Opens a descriptor to find out, and closes it.
bool only_last_descriptors_left();

// Whether only the reserve is left, or nearly. Counts all open descriptors, which takes long if there are
// many.
bool descriptors_are_few();

} // namespace coppice::base
