// SPDX-License-Identifier: MIT
// The six terms of the ETF benchmarks, the same that peer_bench.erl measures on OTP, as C++ values of the
// kind that a program would hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <coppice/etf/codec.hpp>

namespace shapes {

namespace etf = coppice::etf;

struct gen_call {
  static constexpr std::string_view etf_tag = "$gen_call";
  std::pair<etf::pid, etf::reference> from;
  std::tuple<etf::constant<"get">, std::int64_t> request;
};

struct person {
  std::string_view name;
  std::int64_t age;
  std::vector<etf::atom> tags;
};

using integers = std::vector<std::int64_t>;
using floats = std::vector<double>;
using counters = etf::flat_map<etf::atom, std::int64_t>;
using persons = std::vector<person>;

inline gen_call make_gen_call() {
  return {{etf::pid{"nonode@nohost", 84, 0, 0},
           etf::reference{std::string_view("nonode@nohost"), 0, 3, {12345, 678, 90}}},
          {etf::constant<"get">{}, 42}};
}
inline integers make_integers() {
  integers all;
  for (std::int64_t i = 1; i <= 1000; ++i) all.push_back(i);
  return all;
}
inline floats make_floats() {
  floats all;
  for (int i = 1; i <= 1000; ++i) all.push_back(i * 1.5);
  return all;
}
/// The names must outlive the map.
inline const std::vector<std::string>& counter_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (int i = 1; i <= 100; ++i) all.push_back("key_" + std::to_string(i));
    return all;
  }();
  return names;
}
inline counters make_counters() {
  counters all;
  for (std::size_t i = 0; i < 100; ++i)
    all.pairs.emplace_back(etf::atom{counter_names()[i]}, static_cast<std::int64_t>(i + 1));
  return all;
}
inline persons make_persons() {
  return persons(100, person{"name", 33, {etf::atom{"a"}, etf::atom{"b"}}});
}
inline std::string make_blob() {
  return std::string(1024 * 1024, 'x');
}

} // namespace shapes
