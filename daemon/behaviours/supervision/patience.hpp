// SPDX-License-Identifier: MIT
// How long a change of a running tree waits for a child: what its specification says, and where that names no
// time, a bound of ours, so that no change waits for ever. Pure.
#pragma once

#include "base/clock.hpp"

namespace coppice::behaviours {

struct child_spec;
struct supervisor_spec;

// Until the init of an actor has returned that says no start_timeout.
inline constexpr base::nanos default_start_patience = 60 * base::nanos_per_second;
// For a killed child to be gone: more than that only takes one that sits in code which does not return.
inline constexpr base::nanos kill_patience = base::nanos_per_second;
// For a shutdown of `infinity`.
inline constexpr base::nanos infinite_stop_patience = 300 * base::nanos_per_second;

// Its start_timeout; else the default, of a supervisor for each child, one after the other.
base::nanos start_patience(const child_spec& of);
base::nanos start_patience(const supervisor_spec& of);
// Its shutdown time, and that of being killed after it.
base::nanos stop_patience(const child_spec& of);
// Of all children, one after the other.
base::nanos stop_patience(const supervisor_spec& of);

} // namespace coppice::behaviours
