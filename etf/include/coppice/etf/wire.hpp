// SPDX-License-Identifier: MIT
// Big-endian loads and stores on unaligned bytes, and the copy of short strings that the writer uses. The
// caller checks all bounds. Pure functions, any thread.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace coppice::etf::wire {

inline std::uint16_t load16(const std::uint8_t* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
}

inline std::uint32_t load32(const std::uint8_t* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

inline std::uint64_t load64(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

/// The order of bytes inside SMALL_BIG_EXT: least significant first.
inline std::uint64_t load64_little(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? value : __builtin_bswap64(value);
}

inline void store16(std::uint8_t* at, std::uint16_t value) {
  if (std::endian::native == std::endian::little) value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}

inline void store32(std::uint8_t* at, std::uint32_t value) {
  if (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

inline void store64(std::uint8_t* at, std::uint64_t value) {
  if (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

inline void store64_little(std::uint8_t* at, std::uint64_t value) {
  if (std::endian::native != std::endian::little) value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

// gcc warns of accesses outside of a literal in branches that its length never reaches.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#endif
/// Copies atoms and short binaries without a call: two overlapping moves cover 4 to 32 bytes.
inline void copy(std::uint8_t* to, const void* from_any, std::size_t size) {
  const auto* from = static_cast<const std::uint8_t*>(from_any);
  if (__builtin_constant_p(size) || size > 32) {
    if (size != 0) std::memcpy(to, from, size);
    return;
  }
  if (size >= 16) {
    std::uint64_t a, b, c, d;
    std::memcpy(&a, from, 8);
    std::memcpy(&b, from + 8, 8);
    std::memcpy(&c, from + size - 16, 8);
    std::memcpy(&d, from + size - 8, 8);
    std::memcpy(to, &a, 8);
    std::memcpy(to + 8, &b, 8);
    std::memcpy(to + size - 16, &c, 8);
    std::memcpy(to + size - 8, &d, 8);
  } else if (size >= 8) {
    std::uint64_t a, b;
    std::memcpy(&a, from, 8);
    std::memcpy(&b, from + size - 8, 8);
    std::memcpy(to, &a, 8);
    std::memcpy(to + size - 8, &b, 8);
  } else if (size >= 4) {
    std::uint32_t a, b;
    std::memcpy(&a, from, 4);
    std::memcpy(&b, from + size - 4, 4);
    std::memcpy(to, &a, 4);
    std::memcpy(to + size - 4, &b, 4);
  } else if (size != 0) {
    const std::uint8_t first = from[0], middle = from[size / 2], last = from[size - 1];
    to[0] = first;
    to[size / 2] = middle;
    to[size - 1] = last;
  }
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

} // namespace coppice::etf::wire
