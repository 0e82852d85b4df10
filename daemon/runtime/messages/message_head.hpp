// SPDX-License-Identifier: MIT
// The head of a message, for people: the atom that the message is or begins with. The rest may be
// confidential, and long. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <string>

namespace coppice::runtime {

// "stop"; "{put, ...}"; "a tuple" or "a term" if there is no such atom.
std::string message_head(etf::bytes term);
// As message_head(), but of gen's messages the head of what they carry: "call {get, ...}", "cast stop".
std::string carried_head(etf::bytes message);

} // namespace coppice::runtime
