// SPDX-License-Identifier: MIT
// Limits for terms from untrusted sources. The defaults are what a node allows a peer; a caller may lower
// them. A limit is checked before memory is reserved.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>

namespace coppice::etf {

struct limits {
  std::size_t depth = 10'000;                 ///< nested containers; a list's tail does not count
  std::size_t bytes = std::size_t{256} << 20; ///< of the encoded term, after inflating
  std::size_t atom_characters = 255;          ///< Unicode characters of one atom, not bytes
  /// A compressed term, or one with references to cached atoms, may grow to this many times its size, or to
  /// small_inflated if that is more, so that the cost of reading it is bound to the cost of sending it.
  std::size_t inflate_ratio = 64;
  std::size_t small_inflated = std::size_t{4} << 20;
};

} // namespace coppice::etf
