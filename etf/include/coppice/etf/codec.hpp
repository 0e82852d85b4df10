// SPDX-License-Identifier: MIT
// Converts C++ values to terms and back, chosen at compile time. shape.hpp defines the mapping, and the
// codec<> there lets a type override it.
//
//   C++                                   Erlang
//   bool, integers, double                true | false, integer (range checked), float (reads integers)
//   std::string, std::string_view         binary; reading takes a list of bytes too. charlist: "abc"
//   etf::bytes, std::vector<uint8_t>      binary, borrowed or owned
//   etf::atom, constant<"ok">, enum       atom; an enum's by the enumerators' names
//   pid, port, reference, any_term        themselves; any_term is any term
//   std::vector, deque, list, set, array  list
//   std::map, seeded_map, flat_map        map; std::unordered_map too, but its hash can be predicted, so
//                                         reading refuses more than 64 keys in a bucket
//   std::pair, std::tuple                 tuple
//   std::optional, unique_ptr             undefined when empty, left out of maps and proplists
//   std::variant                          the first alternative that fits; records by their tag
//   aggregate                             {tag, F1, …}, or as its etf_form says
#pragma once

#include <vector>

#include <coppice/etf/decode.hpp>
#include <coppice/etf/encode.hpp>

namespace coppice::etf {

/// The term without 131; empty if `value` has no encoding.
template <class T>
std::vector<std::uint8_t> encode(const T& value) {
  vector_writer out;
  encode(out, value);
  if (out.failed()) return {};
  return out.take();
}

} // namespace coppice::etf
