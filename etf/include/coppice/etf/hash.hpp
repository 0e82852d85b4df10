// SPDX-License-Identifier: MIT
// A hash of bytes for tables inside this process. Its seed is new at each start, so a peer cannot choose keys
// that collide. Not phash2, which is the same everywhere (order.hpp). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <sys/random.h>

#include <coppice/etf/types.hpp>

namespace coppice::etf {

namespace detail {
inline std::uint64_t random_seed() {
  std::uint64_t seed; // not from <random>, which is a fifth of what a plugin's compiler reads
  if (::getentropy(&seed, sizeof seed) != 0) std::abort();
  return seed;
}
inline const std::uint64_t table_seed = random_seed(), table_key = random_seed();

/// Gives 0 if either is 0, so bytes of a stranger must never be folded with a value that the stranger knows.
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
} // namespace detail

inline std::uint64_t table_hash(bytes data) {
  constexpr std::uint64_t b = 0xD6E8FEB86659FD93U;
  const std::uint8_t* at = data.data();
  std::size_t left = data.size();
  std::uint64_t sum = detail::table_seed;
  std::uint64_t x, y;
  for (; left > 16; left -= 16, at += 16) {
    std::memcpy(&x, at, 8);
    std::memcpy(&y, at + 8, 8);
    sum = detail::fold(x ^ b ^ sum, y ^ detail::table_key);
  }
  if (left >= 8) {
    std::memcpy(&x, at, 8);
    std::memcpy(&y, at + left - 8, 8);
  } else if (left >= 4) {
    std::uint32_t low, high;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + left - 4, 4);
    x = low;
    y = high;
  } else {
    x = left == 0 ? 0U : std::uint64_t{at[0]} << 16 | std::uint64_t{at[left / 2]} << 8 | at[left - 1];
    y = 0;
  }
  // The length comes last: earlier, chosen bytes could cancel it.
  return detail::fold(detail::fold(x ^ b ^ sum, y ^ detail::table_key) ^ sum, b ^ data.size());
}

/// A hash of three numbers, without writing them to memory.
inline std::uint64_t table_hash(std::uint64_t first, std::uint64_t second, std::uint64_t third) {
  constexpr std::uint64_t b = 0xD6E8FEB86659FD93U;
  const std::uint64_t sum = detail::fold(first ^ b ^ detail::table_seed, second ^ detail::table_key);
  return detail::fold(detail::fold(third ^ b ^ sum, third ^ detail::table_key) ^ sum, b);
}

} // namespace coppice::etf
