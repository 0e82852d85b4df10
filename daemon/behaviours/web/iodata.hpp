// SPDX-License-Identifier: MIT
// Reads iodata as Erlang's functions accept it: binaries, and lists of bytes, binaries and such lists.
// Bodies, header values and messages for clients arrive in this form. Pure; the depth of a list costs no
// stack. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <string>

namespace coppice::behaviours {

// Appends the bytes of the iodata at `at`. False: it is no iodata. Lists are walked without recursion, so any
// depth is safe.
bool read_iodata(etf::cursor& at, std::string& into);

} // namespace coppice::behaviours
