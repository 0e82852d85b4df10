// SPDX-License-Identifier: MIT
// Cuts frames out of a byte stream: lines, blocks of a fixed size, payloads behind a length, or frames that
// end with a delimiter. A state machine without I/O, memory or clock: its user keeps the bytes, in one piece,
// and asks. No byte is searched twice, so a frame that comes byte by byte costs no more than one that comes
// whole. A frame that will be too long is refused as soon as that is known. The thread that reads the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/framing_kind.hpp"

namespace coppice::net {

// How a stream is cut into frames.
struct framing {
  using kind = base::framing_kind;
  kind by = kind::none;
  // Most bytes of a frame, without header, line end and delimiter. For `none`: most bytes handed out at once.
  // 1 to 1 TiB.
  std::size_t max = std::size_t{16} * 1024 * 1024;

  std::size_t size = 0; // for fixed: 1 to max

  // For length:
  std::uint8_t bytes = 4;       // of the number: 1, 2, 4 or 8; unsigned
  std::uint16_t at = 0;         // offset of the number in the header
  std::uint16_t header = 4;     // bytes of the whole header; at least at + bytes
  bool includes_header = false; // whether the number counts the header too
  bool little_endian = false;
  // false: a frame is the payload without the header; true: header and payload.
  bool with_header = false;

  std::string delimiter{}; // for delimiter: 1 to 16 bytes
};

// errc::invalid, naming the key and its range, if a value is outside the bounds given above.
base::status check_framing(const framing& how);

class framer {
 public:
  // `how` has passed check_framing().
  explicit framer(framing how) : how_(std::move(how)) {}

  enum class outcome : std::uint8_t { frame, more, too_large };
  struct answer {
    outcome is = outcome::more;
    // For frame: its place in the given bytes, and how many bytes the caller drops.
    std::size_t offset = 0;
    std::size_t length = 0;
    std::size_t consumed = 0;
    // For more: how many bytes, including those given, there must be before another call can succeed. At most
    // longest().
    std::size_t needed = 0;
  };

  // `unconsumed`: all bytes after the last frame, those of earlier calls first. After too_large every call
  // returns too_large, because frames can no longer be told apart.
  answer look(base::bytes_span unconsumed);

  // Most bytes of a frame with its header, line end or delimiter: the largest buffer that a reader needs.
  std::size_t longest() const;
  // After too_large: errc::limit, with the length announced or seen and the bound.
  base::error why() const;
  const framing& how() const { return how_; }

 private:
  answer look_for_line(base::bytes_span bytes);
  answer look_for_delimiter(base::bytes_span bytes);
  answer look_at_length(base::bytes_span bytes);
  answer more(std::size_t needed) const;
  answer frame(std::size_t offset, std::size_t length, std::size_t consumed);
  answer too_large(std::uint64_t announced);

  framing how_;
  std::size_t searched_ = 0;    // of the unconsumed bytes, when searching for a line end or delimiter
  std::size_t total_ = 0;       // whole length of the frame whose header was read; 0: none
  std::uint64_t announced_ = 0; // by the header of the frame that is too large
  bool failed_ = false;
};

} // namespace coppice::net
