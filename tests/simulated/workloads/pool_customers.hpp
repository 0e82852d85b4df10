// SPDX-License-Identifier: MIT
// Customers of the pools: they call, cast and send messages to the pools of all hosts, alone and in bursts,
// and start processes that call and end before they are answered. Invariants: a call ends in its time, with
// its own answer or an error that fits the options of the pool, and nothing comes after it.
// rooms: node
#pragma once

#include "../cluster.hpp"

namespace coppice::simulated {

void add_customer(cluster& to, unsigned host);

} // namespace coppice::simulated
