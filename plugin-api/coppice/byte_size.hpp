// SPDX-License-Identifier: MIT
// A number of bytes, as a type of its own: in the args of an actor it is a size with a unit, such as 64KiB or
// 1MB. As a term it is an integer. Header-only. Any thread.
#pragma once

#include <coppice/etf/codec.hpp>

#include <compare>
#include <cstdint>
#include <string_view>

namespace coppice {

/// Any number, 0 too.
struct byte_size {
  std::uint64_t bytes;
  friend bool operator==(const byte_size&, const byte_size&) = default;
  friend auto operator<=>(const byte_size&, const byte_size&) = default;
};

} // namespace coppice

namespace coppice::etf {

template <>
struct codec<coppice::byte_size> {
  static constexpr std::string_view expected = "a number of bytes";
  static void encode(writer& out, const coppice::byte_size& size) { out.unsigned_integer(size.bytes); }
  static bool decode(cursor& in, coppice::byte_size& size, mismatch& why) {
    return in.read_unsigned(size.bytes) || why.wanted(in, expected);
  }
};

} // namespace coppice::etf
