// SPDX-License-Identifier: MIT
// How a byte stream is cut into frames: what a configuration says of a stream and net/stream/framer.hpp does.
// It is here since those that read configurations do not include the network. Any thread.
#pragma once

#include <cstdint>

namespace coppice::base {

enum class framing_kind : std::uint8_t {
  none,      // whatever is there is a frame; never an empty one
  line,      // ends with \n, before which a \r may stand; the frame has neither
  fixed,     // `size` bytes
  length,    // a header of a fixed size, in which stands how much follows
  delimiter, // ends with `delimiter`, which the frame does not have
};

} // namespace coppice::base
