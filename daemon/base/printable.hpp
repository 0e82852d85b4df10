// SPDX-License-Identifier: MIT
// What a stranger or a file says, made fit to stand in a line for people: whatever is quoted in a log line,
// an error or a diagnostic goes through here, so that it can neither begin a line of its own nor drive a
// terminal, nor turn the text around it. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice::base {

// Escaped as \xNN, byte by byte: control characters (C0, DEL, C1), what separates lines or changes the
// direction of writing, and bytes that are no UTF-8. A tab becomes a space.
std::string printable(std::string_view text);

// Whether printable() would leave it as it is.
bool is_printable(std::string_view text);

// The same between quotes, shortened to about so many bytes.
std::string in_quotes(std::string_view text, std::size_t longest = 60);

} // namespace coppice::base
