// SPDX-License-Identifier: MIT
// LZ4 between Coppice nodes: a frame goes inside an envelope, 131,76, the frame's size in four bytes, an
// LZ4 block. Both ends agreed on it in the handshake, so no other node ever sees one. An envelope holds one
// frame of at most max_enveloped bytes and no envelope: that bounds what inflating may cost. One thread,
// the connection's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "dist/frame.hpp"
#include "runtime/messages/sent_compressed.hpp"

namespace coppice::dist {

inline constexpr std::size_t max_enveloped = 2 * fragment_size;

// How this node compresses what it sends; what it receives is inflated in any case. A sender may have
// settings of its own: runtime::sent_compressed.
struct compression_settings {
  std::uint32_t level = 0;      // 0: not at all; 1 and 2: LZ4's fast form; 3 to 12: its high compression
  std::size_t threshold = 1024; // bytes of payload; smaller ones go as they are
};

class compressor {
 public:
  explicit compressor(const compression_settings& chosen) : chosen_(chosen) {}

  // The level for a payload of so many bytes whose sender chose `own`, see runtime::signal; 0: none.
  std::uint32_t level_for(std::size_t payload_bytes, std::uint8_t own) const {
    if (own != runtime::sent_compressed::as_the_node) return own - runtime::sent_compressed::never;
    return payload_bytes >= chosen_.threshold ? chosen_.level : 0;
  }
  // The shortest payload for which the node's own choice is not none.
  std::size_t least() const { return chosen_.level > 0 ? chosen_.threshold : SIZE_MAX; }
  // The envelope, at a level above 0, for the frame made of `head` and `payload`, its length in front; valid
  // until the next call.
  // Empty: the frame goes as it is, since it is too long or hardly gets smaller.
  std::span<const std::uint8_t> wrap(std::span<const std::uint8_t> head,
                                     std::span<const std::uint8_t> payload, std::uint32_t level);

 private:
  compression_settings chosen_;
  std::vector<std::uint8_t> frame_;
  std::vector<std::uint8_t> envelope_;
};

class decompressor {
 public:
  // The frame inside an envelope, which is given without its length; valid until the next call.
  // errc::invalid: it is damaged, or says more bytes than it may hold.
  base::result<std::span<const std::uint8_t>> unwrap(std::span<const std::uint8_t> envelope);

 private:
  std::vector<std::uint8_t> frame_;
};

} // namespace coppice::dist
