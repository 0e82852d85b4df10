// SPDX-License-Identifier: MIT
// Times as libc's functions take them, on the machine's clock. The baton's holder.
#pragma once

#include <ctime>

#include "machine.hpp"

namespace coppice::simulated {

nanos to_nanos(const timespec& of);
// A time of that clock as one of the monotonic clock.
nanos on_monotonic(clockid_t clock, nanos time);

} // namespace coppice::simulated
