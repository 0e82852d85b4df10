// SPDX-License-Identifier: MIT
// iodata as Erlang's functions take it: binaries, and lists of bytes, binaries and such lists. Pure.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <string>

namespace coppice::behaviours {

// Appends it. False: it is none. Lists are walked without recursion, whatever their depth.
bool read_iodata(etf::cursor& at, std::string& into);

} // namespace coppice::behaviours
