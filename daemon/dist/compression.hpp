// SPDX-License-Identifier: MIT
// LZ4 between Coppice nodes: a frame is sent inside an envelope, which is 131,76, the frame's size in four
// bytes, and an LZ4 block. Both ends have agreed on it in the handshake, so other nodes never get one. An
// envelope holds one frame of at most max_enveloped bytes, and no other envelope; that bounds the cost of
// inflating. The connection's thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "dist/frame.hpp"
#include "runtime/messages/sent_compressed.hpp"

namespace coppice::dist {

inline constexpr std::size_t max_enveloped = 2 * fragment_size;

// How this node compresses what it sends; envelopes of peers are always inflated. A sender may override it:
// runtime::sent_compressed.
struct compression_settings {
  std::uint32_t level = 0;      // 0: none; 1 and 2: LZ4's fast mode; 3 to 12: its high compression mode
  std::size_t threshold = 1024; // bytes of payload; smaller payloads are not compressed
};

class compressor {
 public:
  explicit compressor(const compression_settings& chosen) : chosen_(chosen) {}

  // The level for a payload of that size. `own`: the sender's choice, see runtime::signal. 0: no compression.
  std::uint32_t level_for(std::size_t payload_bytes, std::uint8_t own) const {
    if (own != runtime::sent_compressed::as_the_node) return own - runtime::sent_compressed::never;
    return payload_bytes >= chosen_.threshold ? chosen_.level : 0;
  }
  // The shortest payload that the node's own settings compress. SIZE_MAX: none.
  std::size_t least() const { return chosen_.level > 0 ? chosen_.threshold : SIZE_MAX; }
  // The envelope for the frame made of `head` and `payload`, with its length in front; valid until the next
  // call. `level` is above 0. Empty: send the frame as it is, because it is too long or hardly gets smaller.
  std::span<const std::uint8_t> wrap(std::span<const std::uint8_t> head,
                                     std::span<const std::uint8_t> payload, std::uint32_t level);

 private:
  compression_settings chosen_;
  std::vector<std::uint8_t> frame_;
  std::vector<std::uint8_t> envelope_;
};

class decompressor {
 public:
  // The frame inside an envelope, whose length is not part of `envelope`; valid until the next call.
  // errc::invalid: it is damaged, or announces more bytes than allowed.
  base::result<std::span<const std::uint8_t>> unwrap(std::span<const std::uint8_t> envelope);

 private:
  std::vector<std::uint8_t> frame_;
};

} // namespace coppice::dist
