// SPDX-License-Identifier: MIT
// UTF-8 as in Erlang's atoms: shortest form, no surrogates, at most U+10FFFF. Most atoms are short and ASCII,
// which takes one step for eight bytes. Pure functions, any thread.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace coppice::etf::utf8 {

inline constexpr std::uint64_t high_bits = 0x8080808080808080U;

inline bool is_ascii(const std::uint8_t* at, std::size_t size) {
  std::uint64_t seen = 0;
  if (size >= 8) {
    std::uint64_t word;
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      std::memcpy(&word, at + i, 8);
      seen |= word;
    }
    std::memcpy(&word, at + size - 8, 8);
    seen |= word;
  } else if (size >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + size - 4, 4);
    seen = first | last;
  } else if (size != 0) {
    seen = static_cast<std::uint64_t>(at[0] | at[size / 2] | at[size - 1]);
  }
  return (seen & high_bits) == 0;
}

/// The size of the character at `at` (1 to 4) and its code point. 0: not well formed.
constexpr std::size_t decode(const std::uint8_t* at, std::size_t left, std::uint32_t& point) {
  const auto tail = [at](std::size_t i) { return (at[i] & 0xC0U) == 0x80U; };
  if (left == 0) return 0;
  const std::uint32_t lead = at[0];
  if (lead < 0x80) return point = lead, std::size_t{1};
  if (lead >= 0xC2 && lead < 0xE0) {
    if (left < 2 || !tail(1)) return 0;
    point = (lead & 0x1FU) << 6 | (at[1] & 0x3FU);
    return 2;
  }
  if (lead >= 0xE0 && lead < 0xF0) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    point = (lead & 0x0FU) << 12 | (at[1] & 0x3FU) << 6 | (at[2] & 0x3FU);
    return point < 0x800 || (point >= 0xD800 && point < 0xE000) ? 0 : 3;
  }
  if (lead >= 0xF0 && lead < 0xF5) {
    if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    point = (lead & 0x07U) << 18 | (at[1] & 0x3FU) << 12 | (at[2] & 0x3FU) << 6 | (at[3] & 0x3FU);
    return point < 0x10000 || point > 0x10FFFF ? 0 : 4;
  }
  return 0;
}

/// The number of characters in `size` bytes. -1: not well-formed UTF-8.
inline std::ptrdiff_t length(const std::uint8_t* at, std::size_t size) {
  if (is_ascii(at, size)) return static_cast<std::ptrdiff_t>(size);
  std::ptrdiff_t count = 0;
  for (std::uint32_t point = 0; size != 0; ++count) {
    const std::size_t step = decode(at, size, point);
    if (step == 0) return -1;
    at += step;
    size -= step;
  }
  return count;
}

inline void append(std::string& to, std::uint32_t point) {
  const auto put = [&to](std::uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) return put(0xC0 | point >> 6), put(0x80 | (point & 0x3F));
  if (point < 0x10000)
    return put(0xE0 | point >> 12), put(0x80 | (point >> 6 & 0x3F)), put(0x80 | (point & 0x3F));
  put(0xF0 | point >> 18), put(0x80 | (point >> 12 & 0x3F)), put(0x80 | (point >> 6 & 0x3F)),
      put(0x80 | (point & 0x3F));
}

} // namespace coppice::etf::utf8
