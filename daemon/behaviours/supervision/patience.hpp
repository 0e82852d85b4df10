// SPDX-License-Identifier: MIT
// How long a change of a running tree waits for a child: the times in its specification, or a bound of the
// daemon's where the specification has none, so that no change waits for ever. Pure.
#pragma once

#include "base/clock.hpp"
#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct child_spec;
struct supervisor_spec;

// How long the init of an actor without start_timeout may take.
inline constexpr base::nanos default_start_patience = 60 * base::nanos_per_second;
using gen::kill_patience;
// How long a child with a shutdown of `infinity` may take to stop.
inline constexpr base::nanos infinite_stop_patience = 300 * base::nanos_per_second;

// start_timeout, or the default. For a supervisor: the sum over its children, which start one after the
// other, but at least the default.
base::nanos start_patience(const child_spec& of);
base::nanos start_patience(const supervisor_spec& of);
// The shutdown time plus kill_patience.
base::nanos stop_patience(const child_spec& of);
// The sum over all children, which stop one after the other.
base::nanos stop_patience(const supervisor_spec& of);

} // namespace coppice::behaviours
