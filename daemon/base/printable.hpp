// SPDX-License-Identifier: MIT
// Makes text from a peer, a client or a file safe to show. All that is quoted in a log line, an error or a
// diagnostic goes through these functions, so that it can neither begin a line of its own, nor control a
// terminal, nor reverse the text around it. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice::base {

// Escapes as \xNN, byte by byte: control characters (C0, DEL, C1), characters that separate lines or change
// the writing direction, and bytes that are not UTF-8. A tab becomes a space.
std::string printable(std::string_view text);

// Whether printable() would not change the text.
bool is_printable(std::string_view text);

// printable() in quotes, cut to about `longest` bytes.
std::string in_quotes(std::string_view text, std::size_t longest = 60);

} // namespace coppice::base
