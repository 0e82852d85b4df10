// SPDX-License-Identifier: MIT
// The frames that follow the handshake, each behind a four-byte length. An empty frame is a tick; of the
// others the first bytes say how control message and payload are packed. Frames are borrowed from the given
// bytes. After an error the connection cannot go on. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.hpp"

namespace coppice::dist {

enum class frame_kind : std::uint8_t {
  tick,
  pass_through,   // 112: control message and payload, each behind its own 131
  header,         // 131,68: atom cache header, then control message and payload without 131
  first_fragment, // 131,69: sequence number and fragment number, then as `header`
  next_fragment,  // 131,70: sequence number and fragment number, then more of the same bytes
  envelope,       // 131,76: another frame, compressed; see compression.hpp
  short_form,     // 131,83: see short_form.hpp
};

struct frame {
  frame_kind kind = frame_kind::tick;
  std::uint64_t sequence = 0; // of fragments: names the message
  std::uint64_t fragment = 0; // of fragments: counts down to 1
  std::span<const std::uint8_t> body;
};

// The first byte of a frame, or the second if the first is version_magic (all but pass_through).
namespace frame_tag {
inline constexpr std::uint8_t version_magic = 131;
inline constexpr std::uint8_t pass_through = 112;
inline constexpr std::uint8_t header = 68;
inline constexpr std::uint8_t first_fragment = 69;
inline constexpr std::uint8_t next_fragment = 70;
inline constexpr std::uint8_t envelope = 76;
inline constexpr std::uint8_t short_form = 83;
} // namespace frame_tag

// The longest fragment that OTP makes. A longer payload is sent in fragments.
inline constexpr std::size_t fragment_size = 64 * 1024;

// Takes the next frame off the front of `in` and returns its bytes without the length. Empty: it is not
// complete, and `in` stays as it is. errc::limit: it is longer than `longest`.
base::result<std::optional<std::span<const std::uint8_t>>> next_frame(std::span<const std::uint8_t>& in,
                                                                      std::size_t longest);

// Reads the head of a complete frame.
base::result<frame> parse_frame(std::span<const std::uint8_t> whole);

} // namespace coppice::dist
