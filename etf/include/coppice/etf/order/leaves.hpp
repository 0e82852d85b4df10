// SPDX-License-Identifier: MIT
// Erlang's term order for terms that are not containers: three-way comparison of numbers, identities,
// bitstrings and the heads of funs, each read through a cursor. The results are below, equal to or above 0; 0
// if a cursor is not at such a term. Pure functions, any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/types.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf::order {

inline int sign(bool less, bool greater) {
  return less ? -1 : greater ? 1 : 0;
}
template <class T>
int three_way(const T& a, const T& b) {
  return sign(a < b, b < a);
}
inline int compare_text(std::string_view a, std::string_view b) {
  return three_way(a.compare(b), 0);
}

inline int compare_bytes(bytes a, bytes b);

/// The rank of a kind in the order; all numbers have one rank, and so have all bitstrings.
inline int rank(kind k);

struct number {
  bool is_float = false;
  bool negative = false;
  double real = 0;
  bytes magnitude{}; ///< little-endian, without leading zeros
  std::uint8_t room[8]{};
};

/// Reads an integer of any length or a float; its magnitude borrows from the bytes or from `out` itself.
inline bool read_number(cursor& in, number& out);
/// A byte as an integer.
inline void set_number(number& out, std::uint8_t byte);
/// `exact`: integers come before floats and 0.0 is not -0.0.
inline int compare_numbers(const number& a, const number& b, bool exact);

inline int compare_pids(cursor& a, cursor& b);
inline int compare_ports(cursor& a, cursor& b);
inline int compare_references(cursor& a, cursor& b);
inline int compare_bitstrings(cursor& a, cursor& b);
/// fun Module:Function/Arity on both sides.
inline int compare_exported_funs(cursor& a, cursor& b);
/// The heads of local funs; if they are equal, `free_variables` terms on each side are left to compare.
inline int compare_local_funs(cursor& a, cursor& b, std::uint32_t& free_variables);

inline int compare_nodes(std::string_view a, std::uint32_t a_creation, std::string_view b,
                         std::uint32_t b_creation) {
  const int order = compare_text(a, b);
  return order != 0 ? order : three_way(a_creation, b_creation);
}

struct local_fun {
  std::string_view module;
  std::int64_t old_index = 0, old_uniq = 0;
  std::uint32_t index = 0, free_variables = 0;
  bytes uniq;
};

/// The head of a NEW_FUN_EXT; leaves `in` at its free variables.
inline bool read_fun(cursor& in, local_fun& out) {
  const bytes all = in.rest();
  if (all.size() < 30 || in.peek_tag() != static_cast<std::uint8_t>(tag::new_fun)) return false;
  out.uniq = all.subspan(6, 16);
  out.index = wire::load32(all.data() + 22);
  out.free_variables = wire::load32(all.data() + 26);
  in.advance(30);
  pid creator;
  return in.read_atom(out.module) && in.read_integer(out.old_index) && in.read_integer(out.old_uniq) &&
         in.read_pid(creator);
}

inline int compare_bytes(bytes a, bytes b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? three_way(order, 0) : three_way(a.size(), b.size());
}

inline int rank(kind k) {
  switch (k) {
    case kind::integer:
    case kind::floating:
      return 1;
    case kind::atom:
      return 2;
    case kind::reference:
      return 3;
    case kind::fun:
      return 4;
    case kind::port:
      return 5;
    case kind::pid:
      return 6;
    case kind::tuple:
      return 7;
    case kind::map:
      return 8;
    case kind::nil:
      return 9;
    case kind::list:
      return 10;
    case kind::binary:
    case kind::bitstring:
      return 11;
    case kind::none:
      return 0;
  }
  return 0;
}

inline int compare_pids(cursor& a, cursor& b) {
  pid x, y;
  if (!a.read_pid(x) || !b.read_pid(y)) return 0;
  if (x.serial != y.serial) return three_way(x.serial, y.serial);
  if (x.id != y.id) return three_way(x.id, y.id);
  return compare_nodes(x.node, x.creation, y.node, y.creation);
}

inline int compare_ports(cursor& a, cursor& b) {
  port x, y;
  if (!a.read_port(x) || !b.read_port(y)) return 0;
  const int order = compare_nodes(x.node, x.creation, y.node, y.creation);
  return order != 0 ? order : three_way(x.id, y.id);
}

inline int compare_references(cursor& a, cursor& b) {
  reference x, y;
  if (!a.read_reference(x) || !b.read_reference(y)) return 0;
  const int order = compare_nodes(x.node, x.creation, y.node, y.creation);
  if (order != 0) return order;
  for (std::size_t i = x.words.size(); i-- != 0;) {
    if (x.words[i] != y.words[i]) return three_way(x.words[i], y.words[i]);
  }
  return 0;
}

inline int compare_bitstrings(cursor& a, cursor& b) {
  bytes x, y;
  unsigned x_bits, y_bits;
  if (!a.read_bitstring(x, x_bits) || !b.read_bitstring(y, y_bits)) return 0;
  if (x_bits == 8 && y_bits == 8) return compare_bytes(x, y);
  const std::size_t x_size = x.size() * 8 - (8 - x_bits), y_size = y.size() * 8 - (8 - y_bits);
  const std::size_t common = std::min(x_size, y_size);
  if (common >= 8) {
    const int order = std::memcmp(x.data(), y.data(), common / 8);
    if (order != 0) return three_way(order, 0);
  }
  if (const unsigned left = common % 8; left != 0) {
    const unsigned mask = 0xFF00U >> left & 0xFFU;
    const unsigned p = x[common / 8] & mask, q = y[common / 8] & mask;
    if (p != q) return three_way(p, q);
  }
  return three_way(x_size, y_size);
}

inline int compare_exported_funs(cursor& a, cursor& b) {
  std::string_view x_module, y_module, x_name, y_name;
  std::uint8_t x_arity = 0, y_arity = 0;
  if (!a.read_exported_fun(x_module, x_name, x_arity) || !b.read_exported_fun(y_module, y_name, y_arity))
    return 0;
  int order = compare_text(x_module, y_module);
  if (order == 0) order = compare_text(x_name, y_name);
  return order != 0 ? order : three_way(x_arity, y_arity);
}

inline int compare_local_funs(cursor& a, cursor& b, std::uint32_t& free_variables) {
  local_fun x, y;
  free_variables = 0;
  if (!read_fun(a, x) || !read_fun(b, y)) return 0;
  int order = compare_text(x.module, y.module);
  if (order == 0) order = three_way(x.old_index, y.old_index);
  if (order == 0) order = three_way(x.old_uniq, y.old_uniq);
  if (order == 0) order = three_way(x.index, y.index);
  if (order == 0) order = compare_bytes(x.uniq, y.uniq);
  if (order == 0) order = three_way(x.free_variables, y.free_variables);
  if (order == 0) free_variables = x.free_variables;
  return order;
}

inline bytes without_zeros(bytes magnitude) {
  while (!magnitude.empty() && magnitude.back() == 0) magnitude = magnitude.first(magnitude.size() - 1);
  return magnitude;
}

inline int compare_magnitudes(bytes a, bytes b) {
  if (a.size() != b.size()) return three_way(a.size(), b.size());
  for (std::size_t i = a.size(); i-- != 0;) {
    if (a[i] != b[i]) return three_way(a[i], b[i]);
  }
  return 0;
}

inline int compare_integers(const number& a, const number& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int order = compare_magnitudes(a.magnitude, b.magnitude);
  return a.negative ? -order : order;
}

/// Exact: the float is taken apart, nothing is rounded.
inline int compare_integer_float(const number& whole, double real) {
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

inline bool read_number(cursor& in, number& out) {
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

inline void set_number(number& out, std::uint8_t byte) {
  out.room[0] = byte;
  out.magnitude = without_zeros(out.room);
}

inline int compare_numbers(const number& a, const number& b, bool exact) {
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
