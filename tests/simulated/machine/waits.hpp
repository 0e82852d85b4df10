// SPDX-License-Identifier: MIT
// Conversions of libc's times to the machine's clock. The baton's holder.
#pragma once

#include <ctime>

#include "machine.hpp"

namespace coppice::simulated {

nanos to_nanos(const timespec& of);
// Converts a time of that clock to one of the monotonic clock.
nanos on_monotonic(clockid_t clock, nanos time);

} // namespace coppice::simulated
