// SPDX-License-Identifier: MIT
// Takes a node out of service before maintenance, and back. A drained node is not ready, and its actors'
// listeners accept no connections, while open connections go on. The control thread.
#pragma once

#include "control/asked.hpp"

namespace coppice::control {

// `change`: on, off; empty: only says how many connections of each listener are left.
pending run_drain(const request& r);

} // namespace coppice::control
