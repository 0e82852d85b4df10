// SPDX-License-Identifier: MIT
// Compressed terms: 131, 80, the size of the rest before compression (4 bytes), a zlib stream. Legal at the
// very start of a term only. The size is a stranger's claim: output grows as it arrives and never beyond the
// claim or the limit, so a small bomb costs a small buffer. Any thread.
#pragma once

#include <cstdint>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

/// Whether a term (no 131) is a compressed one.
inline bool is_compressed(bytes in) {
  return !in.empty() && in[0] == static_cast<std::uint8_t>(tag::compressed);
}

/// The bytes of the term behind tag 80. `in` starts with that tag (no 131). The result is not yet validated.
/// A claim beyond bounds.bytes is refused before anything is inflated. If `consumed` is given, it is
/// how many bytes of `in` the compressed term took; else bytes behind it are an error.
result<std::vector<std::uint8_t>> inflate(bytes in, const limits& bounds = {},
                                          std::size_t* consumed = nullptr);

/// 131, 80, … at zlib `level` 1 to 9 (term_to_binary's [{compressed, L}]), or 131 and the term where that is
/// shorter.
std::vector<std::uint8_t> deflate(bytes term, int level = 6);

} // namespace coppice::etf
