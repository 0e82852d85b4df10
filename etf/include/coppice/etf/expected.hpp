// SPDX-License-Identifier: MIT
// The words for what a decoder expected: "integer", "{put, …} of 3", "red or green". Used only after reading
// has failed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/mismatch.hpp>
#include <coppice/etf/shape.hpp>

namespace coppice::etf {

namespace detail {

// Outside of the template below, where each type would have its own copy.
inline std::string tuple_words(std::size_t arity) {
  return concatenated({"tuple of ", std::to_string(arity)});
}
inline std::string record_words(std::string_view tag, std::size_t arity) {
  return concatenated({"{", tag, ", …} of ", std::to_string(arity)});
}
inline std::string atom_words(std::string_view name) {
  return concatenated({"atom ", name});
}

/// The words after "expected".
template <class T>
std::string expected() {
  if constexpr (customised<T>)
    return std::string(codec<T>::expected);
  else if constexpr (std::is_same_v<T, bool>)
    return "boolean";
  else if constexpr (whole_number<T>)
    return "integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "float";
  else if constexpr (std::is_same_v<T, etf::atom>)
    return "atom";
  else if constexpr (is_constant<T>)
    return atom_words(constant_name<T>);
  else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, charlist>)
    return "text";
  else if constexpr (text<T> || blob<T>)
    return "binary";
  else if constexpr (std::is_same_v<T, pid>)
    return "pid";
  else if constexpr (std::is_same_v<T, port>)
    return "port";
  else if constexpr (std::is_same_v<T, reference>)
    return "reference";
  else if constexpr (std::is_same_v<T, any_term>)
    return "term";
  else if constexpr (is_a<T, std::optional> || is_a<T, std::unique_ptr>) {
    if constexpr (is_a<T, std::optional>)
      return expected<typename T::value_type>() + " or undefined";
    else
      return expected<typename T::element_type>() + " or undefined";
  } else if constexpr (is_a<T, std::variant>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      std::string all;
      ((all += I == 0 ? "" : " or ", all += expected<std::variant_alternative_t<I, T>>()), ...);
      return all;
    }
    (std::make_index_sequence<std::variant_size_v<T>>{});
  } else if constexpr (tuple_like<T>)
    return tuple_words(std::tuple_size_v<T>);
  else if constexpr (dictionary<T> || is_a<T, flat_map>)
    return "map";
  else if constexpr (aggregate<T>) {
    constexpr form how = shape<T>::how;
    if constexpr (how == form::map || how == form::text_map)
      return "map";
    else if constexpr (how == form::proplist)
      return "list";
    else if constexpr (how == form::tuple)
      return tuple_words(reflect::member_count<T>);
    else
      return record_words(tag_of<T>, reflect::member_count<T> + 1);
  } else if constexpr (std::is_enum_v<T>) {
    std::string all;
    for (const std::string_view name : names_of<T>) {
      if (name.empty()) continue;
      if (!all.empty()) all += " or ";
      all += name;
    }
    return all;
  } else {
    return "list";
  }
}

template <class T>
[[gnu::cold, gnu::noinline]] bool wanted(const cursor& at, mismatch& why) {
  return !why.is_quiet() && why.wanted(at, expected<T>());
}

} // namespace detail

} // namespace coppice::etf
