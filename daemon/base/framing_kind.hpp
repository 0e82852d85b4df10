// SPDX-License-Identifier: MIT
// How a byte stream is cut into frames, as a configuration says it and net/stream/framer.hpp does it. It is
// here since code that reads configurations does not include the network. Any thread.
#pragma once

#include <cstdint>

namespace coppice::base {

enum class framing_kind : std::uint8_t {
  none,      // all bytes that are there are a frame; never an empty one
  line,      // ends with \n, before which a \r may stand; the frame has neither
  fixed,     // `size` bytes
  length,    // a header of a fixed size, in which stands how much follows
  delimiter, // ends with `delimiter`, which the frame does not have
};

} // namespace coppice::base
