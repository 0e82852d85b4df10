// SPDX-License-Identifier: MIT
// The words of an enumeration, as YAML, terms and people see them. A header that defines an enumeration
// specialises words<E> beside it with one word for each value, in the order of the values. Readers, printers
// and the JSON Schema are made from that table, so that a word is written once. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace coppice::tree {

// The words of the values 0, 1, 2, … of E. Specialised for each enumeration that has words.
template <class E>
inline constexpr std::array<std::string_view, 0> words{};

template <class E>
concept has_words = std::is_enum_v<E> && words<E>
.size() != 0;

template <has_words E>
constexpr std::string_view text(E value) {
  return words<E>[static_cast<std::size_t>(value)];
}

// nullopt: no value has this word.
template <has_words E>
constexpr std::optional<E> value_of(std::string_view word) {
  for (std::size_t i = 0; i < words<E>.size(); ++i)
    if (words<E>[i] == word) return static_cast<E>(i);
  return std::nullopt;
}

} // namespace coppice::tree
