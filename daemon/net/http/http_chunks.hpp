// SPDX-License-Identifier: MIT
// Decodes the chunked transfer coding (RFC 9112, 7.1) of a body as its bytes come. Strict: line ends are CR
// LF, a size is hexadecimal digits only, extensions have no control characters, a trailer has a name and is
// not folded. A lenient decoder could end the body elsewhere than the proxy in front of it, which lets
// requests be smuggled. Extensions and trailers are bounded and dropped. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coppice::net {

class http_chunks {
 public:
  // `too_long`: the extensions, or the trailers, have more bytes than allowed.
  enum class state { more, done, malformed, too_long };
  struct piece {
    std::size_t taken = 0;   // how many of the given bytes were consumed
    std::string_view data{}; // bytes of the body; points into the given bytes
  };

  // `extras`: most bytes of all extensions of a body, and of its trailers.
  explicit http_chunks(std::size_t extras = 16 << 10) : extras_(extras) {}

  // Consumes bytes up to the end of a run of data or of the body, and at most `most` bytes of data (at least
  // 1). In state `more` it may consume fewer than all; the caller passes the rest again. In any other state
  // it consumes none.
  piece feed(std::string_view bytes, std::size_t most = SIZE_MAX);
  state now() const;

 private:
  enum class place : std::uint8_t {
    size_begin,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_begin,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    malformed,
    too_long,
  };
  place after(char c);
  place after_digit(char c);
  place after_extension(char c);
  place after_trailer(char c);
  place counted(place next);

  std::size_t extras_;
  std::size_t extra_bytes_ = 0;
  std::uint64_t left_ = 0; // bytes left of the current chunk
  unsigned digits_ = 0;
  place at_ = place::size_begin;
};

} // namespace coppice::net
