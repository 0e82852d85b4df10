// SPDX-License-Identifier: MIT
// The bounds within which a stranger's term is accepted. The defaults are what a node allows a peer;
// a caller with less to lose lowers them. A bound is checked before memory is reserved for what it bounds.
#pragma once

#include <cstddef>

namespace coppice::etf {

struct limits {
  std::size_t depth = 10'000;                 ///< containers inside one another; a list's tail is not one
  std::size_t bytes = std::size_t{256} << 20; ///< of the encoded term; after inflating, if it was compressed
  std::size_t atom_characters = 255;          ///< Unicode characters of one atom, not bytes
  /// A compressed term inflates to this many times its bytes at most, or to small_inflated where that is
  /// more: what it costs to look at follows from what it cost to send.
  std::size_t inflate_ratio = 64;
  std::size_t small_inflated = std::size_t{4} << 20;
};

} // namespace coppice::etf
