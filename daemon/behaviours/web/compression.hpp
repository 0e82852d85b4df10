// SPDX-License-Identifier: MIT
// Compresses answers with gzip for clients that accept it. Decides by size and type whether an answer is
// worth it, and keeps the headers that caches look at (Vary, ETag) in agreement with the body. Runs on the
// worker of the connection that answers; any thread.
#pragma once

#include <cstddef>

#include "net/http/http_message.hpp"

namespace coppice::behaviours {

// Larger bodies are not compressed, because that takes a worker about 10 ms for each MiB.
inline constexpr std::size_t most_compressed = std::size_t{1} << 20; // bytes

// Compresses the body if it has at least `from` bytes (0: never), `asked` (the client accepts gzip) is true,
// and its type is text, JSON, XML, JavaScript, SVG or WebAssembly. An answer that has a coding already, or is
// a part (206), is left alone. Adds Vary where the answer depends on what the client accepts, and makes the
// entity tag of a compressed answer weak.
void compress(net::http_response& answer, bool asked, std::size_t from);

} // namespace coppice::behaviours
