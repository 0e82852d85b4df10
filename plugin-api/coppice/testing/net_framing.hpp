// SPDX-License-Identifier: MIT
// Cuts the bytes of a stream under test into frames, as the node does; a test of the kit compares the two.
// Without state: each call starts at the first byte. In the test's thread.
#pragma once

#include <coppice/draft/stream.h>
#include <coppice/etf/needs_cpp20.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coppice::testing::detail {

/// A coppice_framing that owns its delimiter, with the defaults filled in.
struct framing {
  std::uint32_t kind = COPPICE_FRAMING_NONE;
  std::size_t max = std::size_t{16} << 20;
  std::size_t fixed = 0;
  std::uint32_t flags = 0;
  std::size_t bytes = 4, at = 0, header = 4;
  std::string delimiter;

  /// Empty: the options are not valid.
  static std::optional<framing> of(const coppice_framing& from);

 private:
  bool is_right() const;
};

/// A frame: its place in the bytes, and how many bytes are used up. Or, if there is none yet, how many bytes
/// are needed before another attempt; 0: the frame is too large.
struct cut {
  bool is_frame = false;
  std::size_t offset = 0, length = 0, consumed = 0;
  std::size_t needed = 0;
};

cut look_for(std::string_view end, const framing& how, std::string_view bytes);

cut look(const framing& how, std::string_view bytes);

} // namespace coppice::testing::detail
