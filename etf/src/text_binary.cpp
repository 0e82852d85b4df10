// SPDX-License-Identifier: MIT
// Binaries in Erlang text: <<1,2:3,-1:16,"text","text"/utf8>>, integers of any length cut to the bits named.
#include <string>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/utf8.hpp>

#include "text_values.hpp"

namespace coppice::etf {

namespace {

// A segment of at most so many bits is as long as what it takes to write it. Longer ones have a bound.
constexpr std::uint64_t narrow = 64;

struct bit_buffer {
  std::vector<std::uint8_t> data;
  unsigned used = 8; ///< bits in the last byte

  void push(bool bit) {
    if (used == 8) data.push_back(0), used = 0;
    if (bit) data.back() = static_cast<std::uint8_t>(data.back() | 0x80U >> used);
    ++used;
  }
  void push_byte(std::uint8_t byte) {
    if (used == 8) return data.push_back(byte);
    for (int i = 7; i >= 0; --i) push((byte >> i & 1) != 0);
  }
};

/// The low `bits` of an integer, in two's complement.
void push_integer(bit_buffer& to, const term& value, std::uint64_t bits) {
  const std::vector<std::uint8_t> encoded = value.encode();
  cursor in{bytes(encoded)};
  bool negative = false;
  bytes wide;
  std::vector<std::uint8_t> digits;
  if (const auto small = value.as_integer()) {
    negative = *small < 0;
    const std::uint64_t size =
        negative ? 0 - static_cast<std::uint64_t>(*small) : static_cast<std::uint64_t>(*small);
    for (int i = 0; i < 64; i += 8) digits.push_back(static_cast<std::uint8_t>(size >> i));
  } else if (in.read_big(negative, wide)) {
    digits.assign(wide.begin(), wide.end());
  }
  if (negative) {
    unsigned carry = 1;
    for (std::uint8_t& byte : digits) {
      carry += static_cast<std::uint8_t>(~byte);
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
  }
  for (std::uint64_t i = bits; i-- != 0;) {
    const std::size_t at = i / 8;
    to.push(at < digits.size() ? (digits[at] >> (i % 8) & 1) != 0 : negative);
  }
}

bool text_segment(text_reader& in, bit_buffer& to) {
  in.advance(1);
  std::vector<std::uint32_t> all;
  if (!in.characters(all, '"')) return false;
  const bool as_utf8 = in.accept("/utf8");
  for (const std::uint32_t c : all) {
    std::string text;
    if (as_utf8)
      utf8::append(text, c);
    else
      text.push_back(static_cast<char>(c));
    for (const char byte : text) to.push_byte(static_cast<std::uint8_t>(byte));
  }
  return true;
}

bool segment(text_reader& in, bit_buffer& to) {
  const char c = in.peek();
  if (c == '"') return text_segment(in, to);
  if (!text_reader::is_digit(c) && c != '$' && c != '-' && c != '+')
    return in.refuse("an integer or a string expected in a binary");
  const std::size_t start = in.at();
  term value;
  if (!read_number(in, value)) return false;
  if (value.kind() != kind::integer) return in.refuse_at(start, "an integer expected in a binary");
  std::uint64_t bits = 8;
  if (in.accept(":") && !in.plain_number(bits)) return false;
  if (bits > narrow && !in.take_wide_bits(bits))
    return in.refuse_at(start, "segments of fewer bits expected", errc::too_large);
  push_integer(to, value, bits);
  return true;
}

} // namespace

bool read_binary(text_reader& in, term& out) {
  in.advance(2);
  bit_buffer to;
  in.skip_space();
  if (!in.accept(">>")) {
    do {
      in.skip_space();
      if (!segment(in, to)) return false;
      in.skip_space();
    } while (in.accept(","));
    if (!in.accept(">>")) return in.refuse("\",\" or \">>\" expected");
  }
  out = term::bitstring(to.data, to.used);
  return true;
}

} // namespace coppice::etf
