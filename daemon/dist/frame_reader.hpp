// SPDX-License-Identifier: MIT
// Cuts a stream of bytes into frames. Short frames are read many at a time into one buffer. A long frame is
// received into memory of its own, which the message it carries may keep, so its bytes are not copied again.
// Memory is reserved ahead only for frames of at most the given length. The connection's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "base/buffer.hpp"
#include "base/error.hpp"
#include "dist/frame.hpp"
#include "dist/message_bytes.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::dist {

class frame_reader {
 public:
  // `longest`: bytes of a frame without its length; a longer frame is an error.
  explicit frame_reader(std::size_t longest) : longest_(longest) {}

  // The space to read the next bytes into; never empty. commit() says how many were read.
  std::span<std::uint8_t> room();
  void commit(std::size_t count);
  // Copies bytes that came before there was a reader. Only before the first room().
  void append(base::bytes_span bytes) { buffer_.append(bytes); }

  // Whether a long frame is still incomplete; for_each() has nothing to do then.
  bool needs_more() const { return long_.size() < long_size_; }
  // Bytes of memory for a long frame that is incomplete. The buffer for short frames does not count.
  std::size_t held() const { return long_size_ > 0 ? long_.capacity() : held_outside_blocks(); }
  // The part of held() that is in no message's block.
  std::size_t held_outside_blocks() const {
    // The reserved room behind the received bytes does not count: the buffer doubles its size when it grows.
    return buffer_.capacity() > keep_buffer ? buffer_.size() : 0;
  }

  // Calls `take(frame, memory)` for each complete frame except ticks. `memory`: the memory that a long frame
  // lies in, else empty. Both are valid until `take` returns, with a base::status. An error of `take`, or a
  // frame that is too long, ends the loop, and the reader may not be used any more. If `stop()` is true after
  // a frame, the rest is left for the next call.
  template <class Take, class Stop>
  base::status for_each(Take&& take, Stop&& stop) {
    if (needs_more()) return {};
    longest_seen_ = 0;
    if (long_size_ > 0) {
      const runtime::message memory = end_long_frame();
      const auto frame = memory.bytes().subspan(4, longest_seen_);
      if (auto taken = take(frame, memory); !taken) return taken;
      if (stop()) return {};
    }
    auto rest = buffer_.readable();
    for (;;) {
      const auto frame = next_frame(rest, longest_);
      if (!frame) return unexpected(frame.error());
      if (!*frame) break;
      if ((*frame)->empty()) continue;
      longest_seen_ = std::max(longest_seen_, (*frame)->size());
      if (auto taken = take(**frame, runtime::message()); !taken) return taken;
      if (stop()) break;
    }
    keep(rest.size());
    return {};
  }

  template <class Take>
  base::status for_each(Take&& take) {
    return for_each(take, [] { return false; });
  }

 private:
  static constexpr std::size_t keep_buffer = 256 * 1024; // memory kept between frames

  runtime::message end_long_frame();
  void keep(std::size_t count); // keeps the last `count` bytes; the others were taken

  std::size_t longest_;
  base::buffer buffer_;
  message_bytes long_;           // a long frame with its length in front, and what comes behind it
  std::size_t long_size_ = 0;    // bytes of that frame with its length; 0: none
  std::size_t longest_seen_ = 0; // longest frame of the last for_each()
};

} // namespace coppice::dist
