// SPDX-License-Identifier: MIT
// Numbers of Erlang's term order: integers of any length against floats without rounding either.
#include <bit>
#include <cmath>

#include <coppice/etf/wire.hpp>

#include "order_leaves.hpp"

namespace coppice::etf::order {

namespace {

bytes without_zeros(bytes magnitude) {
  while (!magnitude.empty() && magnitude.back() == 0) magnitude = magnitude.first(magnitude.size() - 1);
  return magnitude;
}

int compare_magnitudes(bytes a, bytes b) {
  if (a.size() != b.size()) return three_way(a.size(), b.size());
  for (std::size_t i = a.size(); i-- != 0;) {
    if (a[i] != b[i]) return three_way(a[i], b[i]);
  }
  return 0;
}

int compare_integers(const number& a, const number& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int order = compare_magnitudes(a.magnitude, b.magnitude);
  return a.negative ? -order : order;
}

/// Exactly: the float is taken apart, nothing is rounded.
int compare_integer_float(const number& whole, double real) {
  const bool negative = std::signbit(real);
  if (real == 0) return whole.magnitude.empty() ? 0 : whole.negative ? -1 : 1;
  if (whole.magnitude.empty() || whole.negative != negative) return negative ? 1 : -1;
  std::uint8_t digits[136]{};
  const auto bits = std::bit_cast<std::uint64_t>(real);
  const int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1075;
  std::uint64_t mantissa = bits & 0xFFFFFFFFFFFFFU;
  if (exponent != -1075) mantissa |= std::uint64_t{1} << 52;
  bool fraction = false;
  if (exponent <= 0) {
    const int shift = -exponent;
    fraction = shift > 63 || (mantissa & ((std::uint64_t{1} << shift) - 1)) != 0;
    wire::store64_little(digits, shift > 63 ? 0 : mantissa >> shift);
  } else {
    const auto byte = static_cast<std::size_t>(exponent) / 8;
    const unsigned shift = static_cast<unsigned>(exponent) % 8;
    wire::store64_little(digits + byte, mantissa << shift);
    if (shift != 0) digits[byte + 8] = static_cast<std::uint8_t>(mantissa >> (64 - shift));
  }
  int order = compare_magnitudes(whole.magnitude, without_zeros(digits));
  if (order == 0 && fraction) order = -1;
  return negative ? -order : order;
}

} // namespace

bool read_number(cursor& in, number& out) {
  std::int64_t value;
  if (in.read_float(out.real)) return out.is_float = true;
  if (in.read_integer(value)) {
    out.negative = value < 0;
    wire::store64_little(
        out.room, value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
    out.magnitude = without_zeros(out.room);
    return true;
  }
  if (!in.read_big(out.negative, out.magnitude)) return false;
  out.magnitude = without_zeros(out.magnitude);
  return true;
}

void set_number(number& out, std::uint8_t byte) {
  out.room[0] = byte;
  out.magnitude = without_zeros(out.room);
}

int compare_numbers(const number& a, const number& b, bool exact) {
  if (a.is_float && b.is_float) {
    if (a.real != b.real) return three_way(a.real, b.real);
    if (!exact) return 0;
    return sign(std::signbit(a.real) && !std::signbit(b.real), !std::signbit(a.real) && std::signbit(b.real));
  }
  if (a.is_float != b.is_float && exact) return a.is_float ? 1 : -1;
  if (a.is_float) return -compare_integer_float(b, a.real);
  return b.is_float ? compare_integer_float(a, b.real) : compare_integers(a, b);
}

} // namespace coppice::etf::order
