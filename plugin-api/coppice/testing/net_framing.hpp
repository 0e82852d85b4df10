// SPDX-License-Identifier: MIT
// Cuts the bytes of a stream under test into frames, by the node's own engine. In the test's thread.
#pragma once

#include <coppice/draft/stream.h>
#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace coppice::net {
class framer;
}

namespace coppice::testing::detail {

/// A frame: its place in the bytes, and how many bytes are used up. Or, if there is none yet, how many bytes
/// are needed before another attempt; 0: the frame is too large.
struct cut {
  bool is_frame = false;
  std::size_t offset = 0, length = 0, consumed = 0;
  std::size_t needed = 0;
};

/// How one stream is cut; remembers what it has searched.
class framing {
 public:
  /// COPPICE_FRAMING_NONE with its default.
  framing();
  framing(framing&& other) noexcept;
  framing& operator=(framing&& other) noexcept;
  ~framing();
  /// Empty: the options are not valid.
  static std::optional<framing> of(const coppice_framing& from);

  bool cuts() const; ///< false: COPPICE_FRAMING_NONE
  /// Most bytes of a frame.
  std::size_t max() const;
  /// `unconsumed`: all bytes after the last frame, those of earlier calls first.
  cut look(std::string_view unconsumed);

 private:
  std::unique_ptr<net::framer> engine_;
};

} // namespace coppice::testing::detail
