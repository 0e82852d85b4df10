// SPDX-License-Identifier: MIT
// The chunked transfer coding (RFC 9112, 7.1), taken off a body as it comes. Strict: line ends are CR LF
// everywhere, a size is hexadecimal digits alone, extensions have no control characters, a trailer has a
// name and is not folded; who is lenient there ends the body elsewhere than the proxy before him. Extensions
// and trailers are bounded and not kept. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coppice::net {

class http_chunks {
 public:
  // `too_long`: more bytes of extensions, or of trailers, than are allowed.
  enum class state { more, done, malformed, too_long };
  struct piece {
    std::size_t taken = 0;   // of the bytes given
    std::string_view data{}; // of the body, within those
  };

  // `extras`: bytes of extensions in one body, and of its trailers.
  explicit http_chunks(std::size_t extras = 16 << 10) : extras_(extras) {}

  // Takes bytes up to the end of a run of data, or of the body. At `more` fewer than all may have been taken:
  // the rest is to be given again. In any other state none are.
  piece feed(std::string_view bytes);
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
  std::uint64_t left_ = 0; // of the chunk
  unsigned digits_ = 0;
  place at_ = place::size_begin;
};

} // namespace coppice::net
