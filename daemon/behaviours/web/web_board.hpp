// SPDX-License-Identifier: MIT
// The web servers of a node: each enters its counters here while it lives, and the code that shows them
// (control, metrics) reads the list. The list itself, which is the same for all kinds of engines, is
// engine_board.hpp. Any thread.
#pragma once

#include "behaviours/gen/engine_board.hpp"

namespace coppice::behaviours {

class web_sites;
using web_board = engine_board<web_sites>;

} // namespace coppice::behaviours
