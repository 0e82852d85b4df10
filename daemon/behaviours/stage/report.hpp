// SPDX-License-Identifier: MIT
// A stage's report for people. It has the stage's counters and the state of each subscription, so that it
// shows at which stage a pipeline stands still, and why. Called by any thread that may read the engine.
#pragma once

#include "base/clock.hpp"
#include "behaviours/stage/engine.hpp"

namespace coppice::behaviours {

// A map of stage_counters and `subscriptions`: the fields of stage_subscription for at most 1,000 of them.
// `now`: as stage_port::now().
runtime::message report_of(const stage_engine& of, base::nanos now);

} // namespace coppice::behaviours
