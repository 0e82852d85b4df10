// SPDX-License-Identifier: MIT
// Converts C++ values to bytes. An upper bound of a value's size is computed first, the writer makes room
// once, and the bytes are written through a pointer in a register. Types with a codec<> of their own, and
// large values, are written piece by piece instead. Nothing is allocated here. A list of small integers
// becomes STRING_EXT, as in OTP.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <coppice/etf/shape.hpp>
#include <coppice/etf/wire.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::etf {

template <class T>
void encode(writer& out, const T& value);

namespace detail {

/// The output position while there is room for everything; `bad` is set when a value has no encoding.
struct ink {
  std::uint8_t* at;
  bool bad = false;

  void byte(std::uint8_t value) { *at++ = value; }
  void head(tag t, std::uint32_t value) {
    at[0] = static_cast<std::uint8_t>(t);
    wire::store32(at + 1, value);
    at += 5;
  }
  template <std::size_t N>
  void put(const literal<N>& what) {
    std::memcpy(at, what.data.data(), N);
    at += N;
  }
  void blob(const void* data, std::size_t size) {
    head(tag::binary, static_cast<std::uint32_t>(size));
    wire::copy(at, data, size);
    at += size;
  }
  void atom(std::string_view name) {
    if (name.size() < 256) [[likely]] {
      at[0] = static_cast<std::uint8_t>(tag::small_atom_utf8);
      at[1] = static_cast<std::uint8_t>(name.size());
      wire::copy(at + 2, name.data(), name.size());
      at += 2 + name.size();
      return;
    }
    at[0] = static_cast<std::uint8_t>(tag::atom_utf8);
    const auto size = static_cast<std::uint16_t>(name.size()); // a longer name is bad
    wire::store16(at + 1, size);
    std::memcpy(at + 3, name.data(), size);
    at += 3 + size;
    bad |= name.size() > 1020;
  }
  void big(std::uint64_t magnitude, bool negative) {
    const unsigned size = (71U - static_cast<unsigned>(__builtin_clzll(magnitude))) / 8;
    at[0] = static_cast<std::uint8_t>(tag::small_big);
    at[1] = static_cast<std::uint8_t>(size);
    at[2] = negative;
    wire::store64_little(at + 3, magnitude);
    at += 3 + size;
  }
  template <whole_number T>
  void integer(T value) {
    if (value >= 0 && static_cast<std::uint64_t>(value) < 256) {
      at[0] = static_cast<std::uint8_t>(tag::small_integer);
      at[1] = static_cast<std::uint8_t>(value);
      at += 2;
    } else if (std::in_range<std::int32_t>(value)) {
      head(tag::integer, static_cast<std::uint32_t>(value));
    } else {
      const auto wide = static_cast<std::uint64_t>(value);
      value < 0 ? big(0 - wide, true) : big(wide, false);
    }
  }
  void floating(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    bad |= (bits >> 52 & 0x7FF) == 0x7FF;
    at[0] = static_cast<std::uint8_t>(tag::new_float);
    wire::store64(at + 1, bits);
    at += 9;
  }
};

/// A value above this bound is written piece by piece, so that not much room is reserved in vain.
inline constexpr std::size_t large = 64 * 1024;

template <class T>
consteval bool measurable();
template <class... T>
consteval bool all_measurable() {
  return (measurable<std::remove_cvref_t<T>>() && ...);
}
template <class T, std::size_t... I>
consteval bool members_measurable(std::index_sequence<I...>) {
  return all_measurable<std::tuple_element_t<I, T>...>();
}
template <class T, std::size_t... I>
consteval bool alternatives_measurable(std::index_sequence<I...>) {
  return all_measurable<std::variant_alternative_t<I, T>...>();
}

/// Whether T's size can be bounded without writing it: no codec<> inside, and no recursive type.
template <class T>
consteval bool measurable() {
  if constexpr (customised<T>) {
    return false;
  } else if constexpr (whole_number<T> || std::is_floating_point_v<T> || std::is_same_v<T, bool> ||
                       std::is_enum_v<T> || text<T> || blob<T> || identity<T> || is_constant<T> ||
                       std::is_same_v<T, etf::atom> || std::is_same_v<T, any_term>) {
    return true;
  } else if constexpr (is_a<T, std::optional>) {
    return measurable<typename T::value_type>();
  } else if constexpr (tuple_like<T>) {
    return members_measurable<T>(std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (sequence<T>) {
    using element = typename T::value_type; // a list of leaves; otherwise each element is measured by itself
    return whole_number<element> || std::is_floating_point_v<element> || text<element> ||
           std::is_same_v<element, etf::atom>;
  } else if constexpr (aggregate<T>) {
    using members = decltype(reflect::with_members(std::declval<T&>(), [](auto&... member) {
      return std::type_identity<std::tuple<std::remove_cvref_t<decltype(member)>...>>{};
    }));
    return members_measurable<typename members::type>(std::make_index_sequence<reflect::member_count<T>>{});
  } else {
    return false;
  }
}

/// A bound of T's bytes, for types whose values all have about the same size; 0 for others.
template <class T>
consteval std::size_t fixed_bound() {
  if constexpr (std::is_same_v<T, bool>)
    return 7;
  else if constexpr (whole_number<T>)
    return sizeof(T) < 4 || (sizeof(T) == 4 && std::is_signed_v<T>) ? 5 : 11;
  else if constexpr (std::is_floating_point_v<T>)
    return 9;
  else
    return 0;
}

/// Calls each(element) for a tuple's elements; std::apply would take longer to compile.
template <class T, class Each>
[[gnu::always_inline]] inline void for_elements(const T& value, const Each& each) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (each(std::get<I>(value)), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<T>>{});
}

template <class T>
std::size_t bound(const T& value) {
  if constexpr (fixed_bound<T>() != 0) {
    return fixed_bound<T>();
  } else if constexpr (text<T> || blob<T>) {
    return value.size() + 5;
  } else if constexpr (std::is_same_v<T, etf::atom>) {
    return value.name.size() + 3;
  } else if constexpr (std::is_same_v<T, any_term>) {
    return value.encoded.size();
  } else if constexpr (is_constant<T>) {
    return constant_name<T>.size() + 2;
  } else if constexpr (std::is_enum_v<T>) {
    return 257;
  } else if constexpr (identity<T>) {
    return value.node.size() + 32;
  } else if constexpr (is_a<T, std::optional>) {
    return value ? bound(*value) : 11;
  } else if constexpr (sequence<T>) {
    using element = typename T::value_type;
    if constexpr (fixed_bound<element>() != 0) {
      return value.size() * fixed_bound<element>() + 6;
    } else {
      std::size_t sum = 6;
      for (const element& each : value) sum += bound(each);
      return sum;
    }
  } else if constexpr (is_a<T, std::pair>) {
    return 5 + bound(value.first) + bound(value.second);
  } else if constexpr (is_a<T, std::tuple>) {
    std::size_t sum = 5;
    for_elements(value, [&sum](const auto& each) { sum += bound(each); });
    return sum;
  } else {
    const std::size_t members = reflect::with_members(
        value, [](const auto&... each) { return (std::size_t{6} + ... + bound(each)); });
    if constexpr (shape<T>::how == form::record) {
      return members + record_head<T>.data.size();
    } else {
      return members + [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (std::size_t{6} + ... + (key_literal<T, I>.data.size() + 2));
      }
      (std::make_index_sequence<reflect::member_count<T>>{});
    }
  }
}

template <class T>
void put(ink& to, const T& value);

/// Whether OTP would write these integers as STRING_EXT.
template <class Range>
bool is_byte_list(const Range& list) {
  if (list.size() >= 65536) return false;
  for (const auto each : list) {
    if (each < 0 || static_cast<std::uint64_t>(each) > 255) return false;
  }
  return true;
}

template <class Range>
void put_string(ink& to, const Range& list) {
  to.byte(static_cast<std::uint8_t>(tag::string));
  wire::store16(to.at, static_cast<std::uint16_t>(list.size()));
  to.at += 2;
  for (const auto each : list) to.byte(static_cast<std::uint8_t>(each));
}

template <class T>
bool is_absent(const T& value) {
  if constexpr (is_a<T, std::optional>) return !value;
  return false;
}

/// Calls each(index constant, member) for the members of an aggregate.
template <class T, class Each>
void for_members(T& object, Each&& each) {
  reflect::with_members(object, [&](auto&... member) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (each(std::integral_constant<std::size_t, I>{}, member), ...);
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
}

template <class T>
std::uint32_t present_members(const T& value) {
  return reflect::with_members(
      value, [](const auto&... each) { return (std::uint32_t{0} + ... + (is_absent(each) ? 0U : 1U)); });
}

template <class T>
void put_aggregate(ink& to, const T& value) {
  constexpr form how = shape<T>::how;
  if constexpr (how == form::record) {
    to.put(record_head<T>);
  } else if constexpr (how == form::tuple) {
    to.byte(static_cast<std::uint8_t>(tag::small_tuple));
    to.byte(static_cast<std::uint8_t>(reflect::member_count<T>));
  } else if constexpr (how == form::proplist) {
    if (const std::uint32_t count = present_members(value); count != 0) to.head(tag::list, count);
  } else {
    to.head(tag::map, present_members(value));
  }
  for_members(value, [&to](auto index, const auto& member) {
    if constexpr (how == form::map || how == form::text_map || how == form::proplist) {
      if (is_absent(member)) return;
      if constexpr (how == form::proplist) {
        to.byte(static_cast<std::uint8_t>(tag::small_tuple));
        to.byte(2);
      }
      to.put(key_literal<T, decltype(index)::value>);
    }
    put(to, member);
  });
  if constexpr (how == form::proplist) to.byte(static_cast<std::uint8_t>(tag::nil));
}

/// Writes into the room that bound() made.
template <class T>
[[gnu::always_inline]] inline void put_leaf(ink& to, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value ? to.put(true_literal) : to.put(false_literal);
  } else if constexpr (whole_number<T>) {
    to.integer(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    to.floating(static_cast<double>(value));
  } else if constexpr (text<T> || blob<T>) {
    to.blob(value.data(), value.size());
    to.bad |= value.size() > UINT32_MAX;
  } else if constexpr (std::is_same_v<T, etf::atom>) {
    to.atom(value.name);
  } else if constexpr (std::is_same_v<T, any_term>) {
    wire::copy(to.at, value.encoded.data(), value.encoded.size());
    to.at += value.encoded.size();
    to.bad |= value.encoded.empty();
  } else if constexpr (is_constant<T>) {
    to.put(constant_literal<T>);
  } else if constexpr (std::is_enum_v<T>) {
    const auto index = static_cast<std::size_t>(value);
    if (index < names_of<T>.size() && !names_of<T>[index].empty())
      to.atom(names_of<T>[index]);
    else
      to.bad = true;
  } else {
    static_assert(identity<T>, "no spelling as a term is known for this type: give it a codec<>");
    writer inner(to.at, to.at + value.node.size() + 32);
    if constexpr (std::is_same_v<T, etf::pid>)
      inner.pid(value);
    else if constexpr (std::is_same_v<T, etf::port>)
      inner.port(value);
    else
      inner.reference(value);
    to.at += inner.size();
    to.bad |= inner.failed();
  }
}

/// Whether put_leaf() writes a measurable T.
template <class T>
inline constexpr bool is_leaf = !is_a<T, std::optional> && !tuple_like<T> && !sequence<T> && !aggregate<T>;

template <class T>
void put(ink& to, const T& value) {
  if constexpr (is_a<T, std::optional>) {
    value ? put(to, *value) : to.put(undefined_literal);
  } else if constexpr (tuple_like<T>) {
    static_assert(std::tuple_size_v<T> < 256);
    to.byte(static_cast<std::uint8_t>(tag::small_tuple));
    to.byte(static_cast<std::uint8_t>(std::tuple_size_v<T>));
    if constexpr (is_a<T, std::pair>) {
      put(to, value.first);
      put(to, value.second);
    } else {
      for_elements(value, [&to](const auto& each) { put(to, each); });
    }
  } else if constexpr (sequence<T>) {
    if (value.size() != 0) {
      if constexpr (whole_number<typename T::value_type>) {
        if (is_byte_list(value)) return put_string(to, value);
      }
      to.head(tag::list, static_cast<std::uint32_t>(value.size()));
      for (const auto& each : value) put(to, each);
    }
    to.byte(static_cast<std::uint8_t>(tag::nil));
  } else if constexpr (aggregate<T>) {
    put_aggregate(to, value);
  } else {
    put_leaf(to, value);
  }
}

/// Makes room for `size`, then calls put(): one check for a whole value.
template <class T>
void encode_measured(writer& out, const T& value, std::size_t size) {
  std::uint8_t* const at = out.room(size);
  if (at == nullptr) return;
  ink to{at};
  put(to, value);
  to.bad ? out.fail() : out.advance(static_cast<std::size_t>(to.at - at));
}

template <class Range>
void encode_list(writer& out, const Range& list) {
  using element = typename Range::value_type;
  if (list.size() == 0) return out.nil();
  if (list.size() > UINT32_MAX) return out.fail();
  if constexpr (whole_number<element>) {
    if (is_byte_list(list)) {
      std::uint8_t* const at = out.room(list.size() + 3);
      if (at == nullptr) return;
      ink to{at};
      put_string(to, list);
      return out.advance(list.size() + 3);
    }
  }
  out.list(static_cast<std::uint32_t>(list.size()));
  if constexpr (fixed_bound<element>() != 0) {
    auto each = list.begin();
    for (std::size_t left = list.size(); left != 0;) {
      const std::size_t batch = left < 1024 ? left : 1024;
      std::uint8_t* const at = out.room(batch * fixed_bound<element>());
      if (at == nullptr) return;
      ink to{at};
      for (std::size_t i = 0; i < batch; ++i, ++each) put_leaf(to, element(*each));
      if (to.bad) return out.fail();
      out.advance(static_cast<std::size_t>(to.at - at));
      left -= batch;
    }
  } else {
    for (const auto& each : list) encode(out, each);
  }
  out.nil();
}

template <class Pairs>
void encode_map(writer& out, const Pairs& pairs) {
  if (pairs.size() > UINT32_MAX) return out.fail();
  out.map(static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [key, value] : pairs) {
    using key_type = std::remove_cvref_t<decltype(key)>;
    using value_type = std::remove_cvref_t<decltype(value)>;
    if constexpr (measurable<key_type>() && measurable<value_type>()) {
      const std::size_t size = bound(key) + bound(value);
      std::uint8_t* const at = out.room(size);
      if (at == nullptr) return;
      ink to{at};
      put(to, key);
      put(to, value);
      if (to.bad) return out.fail();
      out.advance(static_cast<std::size_t>(to.at - at));
    } else {
      encode(out, key);
      encode(out, value);
    }
  }
}

/// std::visit, which would take longer to compile. A variant without a value has no encoding.
template <class T>
void encode_alternative(writer& out, const T& value) {
  const bool any = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((value.index() == I && (encode(out, *std::get_if<I>(&value)), true)) || ...);
  }
  (std::make_index_sequence<std::variant_size_v<T>>{});
  if (!any) out.fail();
}

template <class T>
void encode_aggregate(writer& out, const T& value) {
  constexpr form how = shape<T>::how;
  if constexpr (how == form::record) {
    out.tuple(reflect::member_count<T> + 1);
    out.atom(tag_of<T>);
  } else if constexpr (how == form::tuple) {
    out.tuple(reflect::member_count<T>);
  } else if constexpr (how == form::proplist) {
    out.list(present_members(value));
  } else {
    out.map(present_members(value));
  }
  for_members(value, [&out](auto index, const auto& member) {
    if constexpr (how == form::map || how == form::text_map || how == form::proplist) {
      if (is_absent(member)) return;
      if constexpr (how == form::proplist) out.tuple(2);
      out.raw(key_literal<T, decltype(index)::value>.data);
    }
    encode(out, member);
  });
  if constexpr (how == form::proplist) out.nil();
}

} // namespace detail

/// Appends `value` as a term. A value without an encoding (NaN, an unnamed enumerator) fails the writer.
template <class T>
void encode(writer& out, const T& value) {
  using namespace detail;
  if constexpr (customised<T>) {
    codec<T>::encode(out, value);
  } else if constexpr (sequence<T>) {
    encode_list(out, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.boolean(value);
  } else if constexpr (is_constant<T>) {
    out.raw({constant_literal<T>.data.data(), constant_literal<T>.data.size()});
  } else if constexpr (std::is_same_v<T, any_term>) {
    value.encoded.empty() ? out.fail() : out.raw(value.encoded);
  } else if constexpr (text<T>) {
    out.binary(std::string_view(value));
  } else if constexpr (whole_number<T>) {
    if constexpr (std::is_signed_v<T>)
      out.integer(value);
    else
      out.unsigned_integer(value);
  } else if constexpr (measurable<T>()) {
    const std::size_t size = bound(value);
    if constexpr (aggregate<T>) {
      if (size > large) return encode_aggregate(out, value);
    }
    encode_measured(out, value, size);
  } else if constexpr (is_a<T, std::optional>) {
    value ? encode(out, *value) : out.atom(undefined_name);
  } else if constexpr (is_a<T, std::variant>) {
    encode_alternative(out, value);
  } else if constexpr (is_a<T, std::unique_ptr>) {
    value ? encode(out, *value) : out.atom(undefined_name);
  } else if constexpr (std::is_same_v<T, charlist>) {
    out.string(value.text);
  } else if constexpr (dictionary<T>) {
    encode_map(out, value);
  } else if constexpr (is_a<T, flat_map>) {
    encode_map(out, value.pairs);
  } else if constexpr (tuple_like<T>) {
    out.tuple(std::tuple_size_v<T>);
    if constexpr (is_a<T, std::pair>) {
      encode(out, value.first);
      encode(out, value.second);
    } else {
      for_elements(value, [&out](const auto& each) { encode(out, each); });
    }
  } else {
    static_assert(aggregate<T>, "no spelling as a term is known for this type: give it a codec<>");
    encode_aggregate(out, value);
  }
}

/// Whether most_bytes() gives a bound of a T's size without writing it.
template <class T>
inline constexpr bool is_bounded = !detail::sequence<T> && detail::measurable<T>();

template <class T>
std::size_t most_bytes(const T& value) {
  return detail::bound(value);
}

/// encode() into memory with room for that many bytes. Returns the end of the term; null: it has no encoding.
template <class T>
std::uint8_t* write_bounded(std::uint8_t* at, const T& value) {
  detail::ink to{at};
  if constexpr (detail::is_leaf<T>)
    detail::put_leaf(to, value);
  else
    detail::put(to, value);
  return to.bad ? nullptr : to.at;
}

/// The term of a constant<>.
template <class T>
inline constexpr bytes constant_term{detail::constant_literal<T>.data};

} // namespace coppice::etf
