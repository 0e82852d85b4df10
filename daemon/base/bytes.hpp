// SPDX-License-Identifier: MIT
// Borrowed bytes, and the big-endian integers of the wire formats. Callers check the sizes; these functions
// do not. Any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace coppice::base {

using bytes_span = std::span<const std::uint8_t>;

inline bytes_span as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(bytes_span bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::uint16_t swap_be(std::uint16_t v) {
  return std::endian::native == std::endian::big ? v : __builtin_bswap16(v);
}
constexpr std::uint32_t swap_be(std::uint32_t v) {
  return std::endian::native == std::endian::big ? v : __builtin_bswap32(v);
}
constexpr std::uint64_t swap_be(std::uint64_t v) {
  return std::endian::native == std::endian::big ? v : __builtin_bswap64(v);
}

template <class Integer>
Integer load_be(const std::uint8_t* from) {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return swap_be(value);
}

template <class Integer>
void store_be(std::uint8_t* to, Integer value) {
  value = swap_be(value);
  std::memcpy(to, &value, sizeof value);
}

inline std::uint16_t load_be16(const std::uint8_t* from) {
  return load_be<std::uint16_t>(from);
}
inline std::uint32_t load_be32(const std::uint8_t* from) {
  return load_be<std::uint32_t>(from);
}
inline std::uint64_t load_be64(const std::uint8_t* from) {
  return load_be<std::uint64_t>(from);
}
inline void store_be16(std::uint8_t* to, std::uint16_t value) {
  store_be(to, value);
}
inline void store_be32(std::uint8_t* to, std::uint32_t value) {
  store_be(to, value);
}
inline void store_be64(std::uint8_t* to, std::uint64_t value) {
  store_be(to, value);
}

} // namespace coppice::base
