// SPDX-License-Identifier: MIT
// The parts of Erlang's term order that are no containers: three-way comparison of numbers, identities,
// bitstrings and the heads of funs, each read through a cursor that stands at it. Answers are below, equal to
// or above 0; where a cursor does not stand at what is asked for, 0. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/types.hpp>

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

int compare_bytes(bytes a, bytes b);

/// Where a kind stands among the others; numbers share a place, and so do bitstrings.
int rank(kind k);

struct number {
  bool is_float = false;
  bool negative = false;
  double real = 0;
  bytes magnitude{}; ///< little-endian, without leading zeros
  std::uint8_t room[8]{};
};

/// An integer of any length or a float; its magnitude borrows from the bytes or from `out` itself.
bool read_number(cursor& in, number& out);
/// A byte as an integer.
void set_number(number& out, std::uint8_t byte);
/// `exact`: integers come before floats and 0.0 is not -0.0.
int compare_numbers(const number& a, const number& b, bool exact);

int compare_pids(cursor& a, cursor& b);
int compare_ports(cursor& a, cursor& b);
int compare_references(cursor& a, cursor& b);
int compare_bitstrings(cursor& a, cursor& b);
/// fun Module:Function/Arity on both sides.
int compare_exported_funs(cursor& a, cursor& b);
/// The heads of local funs; `free_variables` terms are left to compare on either side, if equal.
int compare_local_funs(cursor& a, cursor& b, std::uint32_t& free_variables);

} // namespace coppice::etf::order
