// SPDX-License-Identifier: MIT
// What a stage shows of itself to people: a pipeline that stands still explains itself. Any thread that may
// read the engine.
#pragma once

#include "base/clock.hpp"
#include "behaviours/stage/engine.hpp"

namespace coppice::behaviours {

// A map of stage_counters and subscriptions: of each what stage_subscription has, of at most 1,000 of them.
// `now`: as stage_port::now().
runtime::message report_of(const stage_engine& of, base::nanos now);

} // namespace coppice::behaviours
