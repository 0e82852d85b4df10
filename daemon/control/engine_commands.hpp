// SPDX-License-Identifier: MIT
// The commands on one engine: a pool, a member of a Raft group, a saga, a listener. Without a change each
// shows what the engine reports. The control thread.
#pragma once

#include "control/asked.hpp"

namespace coppice::control {

// arguments: name, size (of workers; absent: as it is).
pending run_pool(const request& r);

// arguments: name, change (add, remove, transfer, upgrade: with member; skip: with serial; recover: with
// alone; empty: none).
pending run_raft(const request& r);

// arguments: name, tx (empty: all), which (in_doubt, parked, overdue; empty: only counts), change (resolve,
// with decision: commit or abort; empty: none).
pending run_saga(const request& r);

// arguments: name, change (suspend, resume; empty: none).
pending run_listener(const request& r);

} // namespace coppice::control
