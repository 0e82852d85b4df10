// SPDX-License-Identifier: MIT
// An integer of any length while its digits are read. Digits of a base that is a power of two cost one step
// each; of others, each costs a pass over what is there, so the caller bounds their number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <coppice/etf/term.hpp>

namespace coppice::etf {

/// Any integer while it is read: little-endian, in base 2^32.
struct wide_integer {
  std::vector<std::uint32_t> words;
  bool negative = false;

  void push(unsigned base, unsigned digit) {
    std::uint64_t carry = digit;
    for (std::uint32_t& word : words) {
      carry += std::uint64_t{word} * base;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words.push_back(static_cast<std::uint32_t>(carry));
  }
  /// Digits of a base that is a power of two, in one pass instead of one per digit.
  void assign(std::string_view digits, unsigned bits_each) {
    words.assign(digits.size() * bits_each / 32 + 1, 0);
    std::size_t at = 0;
    for (std::size_t i = digits.size(); i-- != 0; at += bits_each) {
      const std::uint64_t value = std::uint64_t{digit_of(digits[i])} << (at % 32);
      words[at / 32] |= static_cast<std::uint32_t>(value);
      if (value >> 32 != 0) words[at / 32 + 1] |= static_cast<std::uint32_t>(value >> 32);
    }
  }
  static unsigned digit_of(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A') + 10;
    return 99;
  }
  std::vector<std::uint8_t> magnitude() const {
    std::vector<std::uint8_t> out;
    for (const std::uint32_t word : words) {
      for (int i = 0; i < 32; i += 8) out.push_back(static_cast<std::uint8_t>(word >> i));
    }
    return out;
  }
  term value() const { return term::big(negative, magnitude()); }
};

} // namespace coppice::etf
