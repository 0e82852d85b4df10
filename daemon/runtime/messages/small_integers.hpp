// SPDX-License-Identifier: MIT
// The terms of the integers 0 to 255. Erlang sends a list that has no other elements as a string of bytes
// (STRING_EXT), which etf::cursor::read_list() does not read: code that expects a list of any terms reads
// read_string() first, and takes the elements from here. Any thread.
#pragma once

#include <array>
#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>

namespace coppice::runtime {

// The term of that number, as Erlang encodes it. Valid for ever.
inline etf::bytes small_integer(std::uint8_t number) {
  static constexpr auto terms = [] {
    constexpr std::uint8_t small_integer_ext = 97;
    std::array<std::array<std::uint8_t, 2>, 256> all{};
    for (std::size_t n = 0; n < all.size(); ++n) all[n] = {small_integer_ext, static_cast<std::uint8_t>(n)};
    return all;
  }();
  return terms[number];
}

} // namespace coppice::runtime
