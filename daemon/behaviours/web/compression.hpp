// SPDX-License-Identifier: MIT
// Answers in gzip's coding, for clients that take it. Any thread.
#pragma once

#include <cstddef>

#include "net/http/http_message.hpp"

namespace coppice::behaviours {

// Larger ones leave as they are: compressing takes the worker some 10 ms a MiB.
inline constexpr std::size_t most_compressed = std::size_t{1} << 20; // bytes

// Compresses the body if it has `from` bytes at least (0: never), `asked` takes the coding and the answer's
// type is one that becomes smaller: text, JSON, XML, JavaScript, SVG. What is coded already, or a part, is
// left alone. An answer that depends on what the client takes says so (Vary), and its entity tag becomes a
// weak one.
void compress(net::http_response& answer, bool asked, std::size_t from);

} // namespace coppice::behaviours
