// SPDX-License-Identifier: MIT
// Frames: what follows the handshake, each behind a four-byte length. An empty one is a tick; the others
// say by their first bytes how the control message and its payload are packed. Borrowed bytes only; a
// frame that makes no sense is an error, after which the connection cannot be trusted. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.hpp"

namespace coppice::dist {

enum class frame_kind : std::uint8_t {
  tick,
  pass_through,   // 112: control and payload each behind their own 131
  header,         // 131,68: atom cache references, then control and payload without 131
  first_fragment, // 131,69: sequence and fragment number, then as `header`
  next_fragment,  // 131,70: sequence and fragment number, then more of the same bytes
  envelope,       // 131,76: another frame, compressed; see compression.hpp
  short_form,     // 131,83: see short_form.hpp
};

struct frame {
  frame_kind kind = frame_kind::tick;
  std::uint64_t sequence = 0; // of fragments: which message
  std::uint64_t fragment = 0; // of fragments: counts down to 1
  std::span<const std::uint8_t> body;
};

// What a frame begins with: pass_through alone, the others behind version_magic.
namespace frame_tag {
inline constexpr std::uint8_t version_magic = 131;
inline constexpr std::uint8_t pass_through = 112;
inline constexpr std::uint8_t header = 68;
inline constexpr std::uint8_t first_fragment = 69;
inline constexpr std::uint8_t next_fragment = 70;
inline constexpr std::uint8_t envelope = 76;
inline constexpr std::uint8_t short_form = 83;
} // namespace frame_tag

// Longest fragment OTP makes, and the threshold above which a payload is sent in fragments.
inline constexpr std::size_t fragment_size = 64 * 1024;

// Takes the next whole frame off the front of `in`: its bytes without the length, or nothing when it is not
// whole yet (`in` stays). errc::limit when its length is above `longest`.
base::result<std::optional<std::span<const std::uint8_t>>> next_frame(std::span<const std::uint8_t>& in,
                                                                      std::size_t longest);

// Reads the head of one whole frame.
base::result<frame> parse_frame(std::span<const std::uint8_t> whole);

} // namespace coppice::dist
