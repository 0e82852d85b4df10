// SPDX-License-Identifier: MIT
// C++ values to terms and back, chosen while compiling. The mapping is in shape.hpp, what a type of your own
// can override is codec<> there.
//
//   C++                                   Erlang
//   bool, integers, double                true | false, integer (range checked), float (reading takes an
//   integer) std::string, std::string_view         binary; reading takes a list of bytes too. charlist: "abc"
//   etf::bytes, std::vector<uint8_t>      binary, borrowed or owned
//   etf::atom, constant<"ok">, enum       atom; an enum's by the enumerators' names
//   pid, port, reference, any_term        themselves; any_term is whatever stands there
//   std::vector, deque, list, set, array  list
//   std::map, seeded_map, flat_map        map; std::unordered_map too, but of what others send its hash
//                                         is foreseen: more than 64 keys in a bucket are refused
//   std::pair, std::tuple                 tuple
//   std::optional, unique_ptr             undefined when empty, left out of maps and proplists
//   std::variant                          whichever alternative fits; records by their tag
//   aggregate                             {tag, F1, …}, or as its etf_form says
#pragma once

#include <vector>

#include <coppice/etf/decode.hpp>
#include <coppice/etf/encode.hpp>

namespace coppice::etf {

/// The term alone, without 131; empty if `value` has no encoding.
template <class T>
std::vector<std::uint8_t> encode(const T& value) {
  vector_writer out;
  encode(out, value);
  if (out.failed()) return {};
  return out.take();
}

} // namespace coppice::etf
