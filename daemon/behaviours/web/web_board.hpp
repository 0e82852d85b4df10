// SPDX-License-Identifier: MIT
// The web servers of a node, for the code that shows their counters (engine_board.hpp). Any thread.
#pragma once

#include "behaviours/gen/engine_board.hpp"

namespace coppice::behaviours {

class web_sites;
using web_board = engine_board<web_sites>;

} // namespace coppice::behaviours
