// SPDX-License-Identifier: MIT
// A hash map and a hash set for keys that come from other nodes. The standard library's hash is the same
// everywhere, and a number's hash is the number itself: a sender could choose keys that share one bucket, and
// each look-up would then walk through all of them. This hash has a seed that is drawn when the program
// starts. For any other std::unordered_map or _set the codec refuses a term that puts more than 64 keys into
// one bucket. Any thread.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <coppice/etf/hash.hpp>
#include <coppice/etf/shape.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

namespace detail {
inline std::uint64_t seeded(std::string_view text) {
  return table_hash(bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}
inline std::uint64_t seeded(const atom& of) {
  return seeded(of.name);
}
inline std::uint64_t seeded(const charlist& of) {
  return seeded(std::string_view(of.text));
}
inline std::uint64_t seeded(const pid& of) {
  return table_hash(seeded(of.node), of.id | std::uint64_t{of.serial} << 32, of.creation);
}
inline std::uint64_t seeded(const port& of) {
  return table_hash(seeded(of.node), of.id, of.creation);
}
inline std::uint64_t seeded(const reference& of) {
  const auto& w = of.words;
  return table_hash(table_hash(seeded(of.node), of.creation, of.count | std::uint64_t{w[4]} << 32),
                    w[0] | std::uint64_t{w[1]} << 32, w[2] | std::uint64_t{w[3]} << 32);
}
template <class T>
requires std::integral<T> || std::is_enum_v<T> std::uint64_t seeded(T of) {
  return table_hash(static_cast<std::uint64_t>(of), 0, 0);
}
inline std::uint64_t seeded(double of) {
  return table_hash(of == 0 ? 0 : std::bit_cast<std::uint64_t>(of), 1, 0); // -0.0 equals 0.0
}
inline std::uint64_t seeded(float of) {
  return seeded(double{of});
}
template <class A, class B>
std::uint64_t seeded(const std::pair<A, B>& of);
template <class... T>
std::uint64_t seeded(const std::tuple<T...>& of);

template <class A, class B>
std::uint64_t seeded(const std::pair<A, B>& of) {
  return table_hash(seeded(of.first), seeded(of.second), 2);
}
template <class... T>
std::uint64_t seeded(const std::tuple<T...>& of) {
  std::uint64_t hash = sizeof...(T);
  std::apply([&](const auto&... each) { ((hash = table_hash(hash, seeded(each), 1)), ...); }, of);
  return hash;
}
} // namespace detail

/// For numbers, enums, texts, atoms, pids, ports and references, and pairs and tuples of these.
template <class Key>
struct seeded_hash {
  using is_seeded = void;
  std::size_t operator()(const Key& key) const { return static_cast<std::size_t>(detail::seeded(key)); }
};

template <class Key, class Value>
using seeded_map = std::unordered_map<Key, Value, seeded_hash<Key>>;
template <class Key>
using seeded_set = std::unordered_set<Key, seeded_hash<Key>>;

} // namespace coppice::etf
