// SPDX-License-Identifier: MIT
// File descriptors as what a process may run out of: how many it may have, and the last few of them, which
// strangers are not to take, so that its operator is still answered and a plugin can be reloaded. Any thread.
#pragma once

#include <cstddef>

namespace coppice::base {

// Raises the soft limit to the hard one; at the start, before there are other threads. The limit then.
std::size_t raise_descriptor_limit();

// The soft limit as it was before it was raised: what programs that know only select() are started with.
std::size_t first_descriptor_limit();

// The soft limit.
std::size_t descriptor_limit();

// Whether a descriptor is one of the last: the kernel hands out the lowest that is free, so those below are
// all in use.
bool is_last_descriptor(int fd);

// Whether all but the last ones are in use: one is taken to see, and given back.
bool only_last_descriptors_left();

// Whether the last ones are in use, or nearly: all are counted, which takes a while where they are many.
bool descriptors_are_few();

} // namespace coppice::base
