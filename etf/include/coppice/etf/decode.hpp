// SPDX-License-Identifier: MIT
// Converts bytes to C++ values. All branches are chosen at compile time. Only the target's own memory is
// allocated, and no more is reserved than the given bytes can fill. Views in the target borrow from the
// bytes. Untrusted bytes are safe: all reading goes through a bounds-checked cursor. The explanation of a
// failure is built only while returning from it: `put.value: expected integer, got binary`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/decode_list.hpp>
#include <coppice/etf/decode_record.hpp>
#include <coppice/etf/error.hpp>
#include <coppice/etf/expected.hpp>
#include <coppice/etf/mismatch.hpp>
#include <coppice/etf/shape.hpp>

namespace coppice::etf {

template <class T>
bool read(cursor& in, T& out, mismatch& why);

namespace detail {

template <whole_number T>
bool read_number(cursor& in, T& out, mismatch& why) {
  if constexpr (std::is_unsigned_v<T>) {
    std::uint64_t wide;
    if (in.read_unsigned(wide) && std::in_range<T>(wide)) [[likely]]
      return out = static_cast<T>(wide), true;
  } else {
    std::int64_t wide;
    cursor ahead = in;
    if (ahead.read_integer(wide) && std::in_range<T>(wide)) [[likely]]
      return out = static_cast<T>(wide), in = ahead, true;
  }
  if (in.peek() != kind::integer || why.is_quiet()) return wanted<T>(in, why);
  return why.wanted(in, concatenated({"integer from ", std::to_string(std::numeric_limits<T>::min()), " to ",
                                      std::to_string(std::numeric_limits<T>::max())}));
}

template <class T>
bool read_variant(cursor& in, T& out, mismatch& why);

template <class E>
bool read_enum(cursor& in, E& out, mismatch& why) {
  std::string_view name;
  if (cursor ahead = in; ahead.read_atom(name)) {
    for (std::size_t i = 0; i < names_of<E>.size(); ++i) {
      if (!name.empty() && names_of<E>[i] == name) return out = static_cast<E>(i), in = ahead, true;
    }
  }
  return wanted<E>(in, why);
}

template <class T>
bool read_nested(cursor& in, T& out, mismatch& why) {
  if constexpr (is_a<T, std::variant>)
    return read_variant(in, out, why);
  else if constexpr (dictionary<T> || is_a<T, flat_map>)
    return read_map(in, out, why);
  else if constexpr (sequence<T>)
    return read_sequence(in, out, why);
  else
    return read_aggregate(in, out, why);
}

/// Whether the head here can begin a T; if so, a failure of T is the one to report.
template <class T>
[[gnu::always_inline]] inline bool looks_like(const cursor& in) {
  cursor ahead = in;
  if constexpr (is_constant<T>) {
    return ahead.read_atom_is(constant_name<T>);
  } else if constexpr (aggregate<T>) {
    if constexpr (shape<T>::how == form::record)
      return read_record_head<T>(ahead);
    else if constexpr (shape<T>::how == form::tuple)
      return ahead.read_tuple_of(reflect::member_count<T>);
    else
      return ahead.peek() == (shape<T>::how == form::proplist ? kind::list : kind::map);
  } else if constexpr (sequence<T>) {
    return ahead.peek() == kind::list || ahead.peek() == kind::nil;
  } else if constexpr (dictionary<T> || is_a<T, flat_map>) {
    return ahead.peek() == kind::map;
  } else if constexpr (tuple_like<T>) {
    return ahead.read_tuple_of(std::tuple_size_v<T>);
  } else if constexpr (whole_number<T>) {
    return ahead.peek() == kind::integer;
  } else {
    return false;
  }
}

/// Whether an alternative of a variant is worth trying here: a cheap check, for records by their tag.
template <class Type>
bool may_fit(const cursor& in) {
  if constexpr (is_constant<Type>) {
    return looks_like<Type>(in);
  } else if constexpr (aggregate<Type>) {
    if constexpr (shape<Type>::how == form::record) return looks_like<Type>(in);
  }
  return true;
}

/// Whether an alternative's head matched, and its failure. One function for all variants that contain it.
template <class Type>
[[gnu::cold, gnu::noinline]] bool explain_alternative(const cursor& start, mismatch& why) {
  if constexpr (is_constant<Type>) {
    return false; // a constant has only a head
  } else {
    if (!looks_like<Type>(start)) return false;
    cursor in = start;
    if (Type value{}; read(in, value, why)) return false;
    if constexpr (aggregate<Type>) why.in_field(shape<Type>::tag);
    return true;
  }
}

inline constexpr std::string_view too_many_attempts =
    "expected a term whose alternatives are told apart with fewer attempts";

template <class T>
struct alternatives;
template <class... Type>
struct alternatives<std::variant<Type...>> {
  /// Why none fits: the failure of the first alternative whose head matched, or a list of all alternatives.
  [[gnu::cold, gnu::noinline]] static bool explain(const cursor& start, mismatch& why) {
    if ((explain_alternative<Type>(start, why) || ...)) return false;
    return wanted<std::variant<Type...>>(start, why);
  }

  /// See first_that_fits().
  template <class Attempt, std::size_t... I>
  static bool try_each(cursor& in, mismatch& why, const Attempt& attempt, std::index_sequence<I...>) {
    const cursor start = in;
    return ((may_fit<Type>(start) &&
             (in = start, attempt(std::integral_constant<std::size_t, I>{}) || why.gave_up(start, in))) ||
            ...);
  }
};

/// Calls attempt(integral_constant I) for the alternatives of the variant T, with `in` at its present
/// position, until one returns true: it has read itself. Alternatives that do not fit cost no memory: they
/// are tried without an explanation, which is made when all have failed. If a type contains itself in several
/// alternatives, the attempts multiply with each level: they have a budget in proportion to the bytes.
template <class T, class Attempt>
bool first_that_fits(cursor& in, mismatch& why, const Attempt& attempt) {
  if (why.is_exhausted()) return why.refused(in, errc::too_large, too_many_attempts);
  const cursor start = in;
  const bool was_quiet = why.set_quiet(true);
  const bool chosen =
      alternatives<T>::try_each(in, why, attempt, std::make_index_sequence<std::variant_size_v<T>>{});
  why.set_quiet(was_quiet);
  if (chosen) return true;
  in = start;
  if (why.is_exhausted()) return why.refused(in, errc::too_large, too_many_attempts);
  return was_quiet ? false : alternatives<T>::explain(start, why);
}

template <class T>
bool read_variant(cursor& in, T& out, mismatch& why) {
  return first_that_fits<T>(
      in, why, [&](auto index) { return read(in, out.template emplace<decltype(index)::value>(), why); });
}

} // namespace detail

/// Reads one term of T's shape. False: the position of `in` is undefined, and `why` has the reason.
template <class T>
bool read(cursor& in, T& out, mismatch& why) {
  using namespace detail;
  if constexpr (customised<T>) {
    return codec<T>::decode(in, out, why);
  } else if constexpr (std::is_same_v<T, bool>) {
    return in.read_bool(out) || wanted<T>(in, why);
  } else if constexpr (whole_number<T>) {
    return read_number(in, out, why);
  } else if constexpr (std::is_floating_point_v<T>) {
    double wide;
    if (in.read_float(wide)) [[likely]]
      return out = static_cast<T>(wide), true;
    std::int64_t whole; // people write 1 for 1.0
    if (in.read_integer(whole)) return out = static_cast<T>(whole), true;
    std::uint64_t large;
    return in.read_unsigned(large) ? (out = static_cast<T>(large), true) : wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!why.takes_charlists() && in.peek() != kind::binary) [[unlikely]]
      return wanted<T>(in, why);
    return in.read_text(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, charlist>) {
    return in.read_text(out.text) || wanted<T>(in, why);
  } else if constexpr (text<T> || blob<T>) {
    bytes data;
    if (!in.read_binary(data) && !(text<T> && in.read_string(data))) return wanted<T>(in, why);
    if constexpr (text<T>)
      out = {reinterpret_cast<const char*>(data.data()), data.size()};
    else
      out = T(data.begin(), data.end());
    return true;
  } else if constexpr (std::is_same_v<T, etf::atom>) {
    return in.read_atom(out.name) || wanted<T>(in, why);
  } else if constexpr (is_constant<T>) {
    if (in.read_atom_is(constant_name<T>)) [[likely]]
      return true;
    return wanted<T>(in, why);
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum(in, out, why);
  } else if constexpr (std::is_same_v<T, pid>) {
    return in.read_pid(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, port>) {
    return in.read_port(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, reference>) {
    return in.read_reference(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, any_term>) {
    return in.read_term(out.encoded) || wanted<T>(in, why);
  } else if constexpr (is_a<T, std::optional>) {
    if (in.read_atom_is(undefined_name)) return out.reset(), true;
    return read(in, out.emplace(), why);
  } else if constexpr (is_a<T, std::unique_ptr>) {
    if (in.read_atom_is(undefined_name)) return out.reset(), true;
    out = std::make_unique<typename T::element_type>();
    return read(in, *out, why);
  } else if constexpr (tuple_like<T>) {
    if (!in.read_tuple_of(std::tuple_size_v<T>)) return wanted_record<T>(in, why);
    if constexpr (is_a<T, std::pair>) {
      return (read(in, out.first, why) || why.in_element(0)) &&
             (read(in, out.second, why) || why.in_element(1));
    } else {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return ((read(in, std::get<I>(out), why) || why.in_element(I)) && ...);
      }
      (std::make_index_sequence<std::tuple_size_v<T>>{});
    }
  } else {
    static_assert(is_a<T, std::variant> || dictionary<T> || is_a<T, flat_map> || sequence<T> || aggregate<T>,
                  "no spelling as a term is known for this type: give it a codec<>");
    if (!why.enter(in)) return false;
    const bool good = read_nested(in, out, why);
    why.leave();
    return good;
  }
}

/// The name of T in errors: a record's tag, an aggregate's name, else empty.
template <class T>
constexpr std::string_view root_name() {
  if constexpr (detail::aggregate<T>)
    return shape<T>::tag;
  else
    return {};
}

/// Reads the one term in `in` (no 131) into an object of the caller, whose memory is reused.
template <class T>
result<void> decode_into(bytes in, T& out) {
  cursor at(in);
  mismatch why;
  if (!read(at, out, why)) [[unlikely]]
    return unexpected<error>(why.take(root_name<T>()));
  if (!at.at_end()) [[unlikely]]
    return fail(errc::trailing, at.offset(), at.peek_tag(), "the end expected");
  return {};
}

template <class T>
result<T> decode(bytes in) {
  result<T> out{std::in_place};
  cursor at(in);
  mismatch why;
  if (!read(at, *out, why)) [[unlikely]]
    return unexpected<error>(why.take(root_name<T>()));
  if (!at.at_end()) [[unlikely]]
    return fail(errc::trailing, at.offset(), at.peek_tag(), "the end expected");
  return out;
}

} // namespace coppice::etf
