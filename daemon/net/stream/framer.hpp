// SPDX-License-Identifier: MIT
// Cuts frames out of a byte stream: lines, blocks of a fixed size, payloads behind a length, or what a
// delimiter ends. A state machine without I/O, memory or clock: its user keeps the bytes, in one piece, and
// asks. No byte is searched twice, so that a frame that comes byte by byte costs no more than one that comes
// whole, and a frame that would be too long is refused as soon as that is known, before there is room for
// it. The thread of whoever reads the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/framing_kind.hpp"

namespace coppice::net {

// How a stream is cut.
struct framing {
  using kind = base::framing_kind;
  kind by = kind::none;
  // Of a frame's bytes; header, line end and delimiter are not counted. Of `none`: of what is handed out at
  // once. 1 to 1 TiB.
  std::size_t max = std::size_t{16} * 1024 * 1024;

  std::size_t size = 0; // fixed: 1 to max

  // length:
  std::uint8_t bytes = 4;       // of the number: 1, 2, 4 or 8, without a sign
  std::uint16_t at = 0;         // where it stands in the header
  std::uint16_t header = 4;     // bytes of the whole header; at + bytes at least
  bool includes_header = false; // whether the number counts the header too
  bool little_endian = false;
  // The frame is the payload behind the header; with this, header and payload.
  bool with_header = false;

  std::string delimiter{}; // delimiter: 1 to 16 bytes
};

// errc::invalid, with the key and its range, where framing's bounds above do not hold.
base::status check_framing(const framing& how);

class framer {
 public:
  // `how` has passed check_framing.
  explicit framer(framing how) : how_(std::move(how)) {}

  enum class outcome : std::uint8_t { frame, more, too_large };
  struct answer {
    outcome is = outcome::more;
    // frame: where it lies in the bytes that were given, and how many of them are done with.
    std::size_t offset = 0;
    std::size_t length = 0;
    std::size_t consumed = 0;
    // more: how many bytes there have to be at least, those there are included, before it is worth to ask
    // again; never more than longest().
    std::size_t needed = 0;
  };

  // `unconsumed`: all bytes after the last frame, those of earlier calls first. After too_large it stays
  // with that: what follows cannot be told apart any more.
  answer look(base::bytes_span unconsumed);

  // The most bytes that a frame takes with all that belongs to it: the largest buffer a reader needs.
  std::size_t longest() const;
  // After too_large, errc::limit: what was announced or seen, and the bound.
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
  std::size_t searched_ = 0;    // of the unconsumed bytes, for the end of a line or a delimiter
  std::size_t total_ = 0;       // of the frame whose header was read; 0: none was
  std::uint64_t announced_ = 0; // by the header of what is too large
  bool failed_ = false;
};

} // namespace coppice::net
