// SPDX-License-Identifier: MIT
// See stream_options.hpp.
#include "behaviours/streams/stream_options.hpp"

#include <array>

namespace coppice::behaviours {

std::string_view text(stream_end value) {
  static constexpr std::array<std::string_view, stream_ends> words{
      "normal", "eof",      "reset",   "idle",    "slow", "frame_too_large",
      "tls",    "shutdown", "refused", "timeout", "proxy"};
  return words[static_cast<std::size_t>(value)];
}

} // namespace coppice::behaviours
