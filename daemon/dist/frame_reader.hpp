// SPDX-License-Identifier: MIT
// Bytes of a stream to whole frames. Short ones are read many at a time into one buffer; a long one is
// received in memory of its own, which the message it carries may keep: its bytes are not copied again. Only
// frames of at most the given length are ever made room for beyond what has come. One thread, the
// connection's.
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
  // `longest`: bytes of a frame, without its length; longer ones are an error.
  explicit frame_reader(std::size_t longest) : longest_(longest) {}

  // Where the next bytes are to be read to; never empty. commit() says how many were.
  std::span<std::uint8_t> room();
  void commit(std::size_t count);
  // Copies: bytes that came before there was a reader. Only before the first room().
  void append(base::bytes_span bytes) { buffer_.append(bytes); }

  // A long frame is still coming: for_each() has nothing.
  bool needs_more() const { return long_.size() < long_size_; }
  // Bytes of memory for a long frame that is still coming; what is kept for short ones does not count.
  std::size_t held() const {
    if (long_size_ > 0) return long_.capacity();
    // Room behind what has come has no memory yet: the buffer grows by doubling, whatever the frame needs.
    return buffer_.capacity() > keep_buffer ? buffer_.size() : 0;
  }

  // Calls `take(frame, memory)` for each whole frame but ticks; `memory` is what the frame lies in if it
  // has memory of its own, else empty. Both are valid until `take` returns, which it does with a
  // base::status: an error ends the loop, as does a frame that is too long, and the reader is not to be used
  // any more. After a frame at which `stop()` is true the others are left for the next time.
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
  void keep(std::size_t count); // of the last bytes; the rest has been taken

  std::size_t longest_;
  base::buffer buffer_;
  message_bytes long_;           // a long frame from its length on, and what comes behind it
  std::size_t long_size_ = 0;    // of that frame with its length; 0: none
  std::size_t longest_seen_ = 0; // frame, of what was last taken
};

} // namespace coppice::dist
