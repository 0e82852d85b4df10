// SPDX-License-Identifier: MIT
// Reads tuples, maps and proplists into aggregates, by place or by name. In maps and proplists unknown keys
// are skipped, and an optional member may be missing; any other missing member is a mismatch that names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/expected.hpp>
#include <coppice/etf/mismatch.hpp>
#include <coppice/etf/shape.hpp>

namespace coppice::etf {

template <class T>
bool read(cursor& in, T& out, mismatch& why);

namespace detail {

/// Reads member I if `name` is its name. 0: no such member; 1: it was read; -1: it failed.
template <class T, class Read>
int with_named(T& out, std::string_view name, Read&& reader) {
  int outcome = 0;
  reflect::with_members(out, [&](auto&... member) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      static_cast<void>(((name == field_of<T, I> && (outcome = reader(I, member), true)) || ...));
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
  return outcome;
}

/// Members that were not found: optional ones become empty, others are a mismatch.
template <class T>
bool complete(const cursor& start, T& out, std::uint32_t seen, mismatch& why) {
  return reflect::with_members(out, [&](auto&... member) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto one = [&]<std::size_t At>(auto& each, std::integral_constant<std::size_t, At>) {
        if ((seen >> At & 1) != 0) return true;
        using type = std::remove_cvref_t<decltype(each)>;
        if constexpr (is_a<type, std::optional>)
          return each.reset(), true;
        else
          return why.is_quiet() || why.wanted(start, expected<type>(), "nothing"),
                 why.in_field(field_of<T, At>);
      };
      return (one(member, std::integral_constant<std::size_t, I>{}) && ...);
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
}

/// Reads one member by name; shared by maps and proplists.
template <class T>
bool read_named(cursor& in, const cursor& key_at, std::string_view name, T& out, std::uint32_t& seen,
                bool first_wins, mismatch& why) {
  const int outcome = with_named(out, name, [&](std::size_t index, auto& member) {
    const std::uint32_t bit = std::uint32_t{1} << index;
    if ((seen & bit) != 0) {
      if (first_wins) return in.skip() ? 1 : (wanted<any_term>(in, why), -1);
      return why.refused(key_at, errc::duplicate_key, "expected a key only once"), -1;
    }
    seen |= bit;
    return read(in, member, why) ? 1 : -1;
  });
  if (outcome < 0) return why.in_field(name);
  if (outcome == 0 && !in.skip()) return wanted<any_term>(in, why);
  return true;
}

template <class T>
bool read_map_members(cursor& in, T& out, mismatch& why) {
  const cursor start = in;
  std::uint32_t pairs, seen = 0;
  if (!in.read_map(pairs)) return wanted<T>(in, why);
  for (; pairs != 0; --pairs) {
    const cursor key_at = in;
    std::string_view name;
    bytes text;
    bool named;
    if constexpr (shape<T>::how == form::text_map) {
      named = in.read_binary(text);
      if (named) name = {reinterpret_cast<const char*>(text.data()), text.size()};
    } else {
      named = in.read_atom(name);
    }
    if (!named && !in.skip()) return wanted<any_term>(in, why);
    if (!named && !in.skip()) return wanted<any_term>(in, why);
    if (named && !read_named(in, key_at, name, out, seen, false, why)) return false;
  }
  return complete(start, out, seen, why);
}

template <class T>
bool read_proplist(cursor& in, T& out, mismatch& why) {
  const cursor start = in;
  std::uint32_t length, seen = 0;
  if (!in.read_list(length)) return wanted<T>(in, why);
  const bool ends = length != 0;
  for (; length != 0; --length) {
    cursor ahead = in;
    std::string_view name;
    if (ahead.read_tuple_of(2) && ahead.read_atom(name)) {
      if (!read_named(ahead, in, name, out, seen, true, why)) return in = ahead, false;
    } else if (ahead = in; ahead.read_atom(name)) {
      cursor yes{bytes(true_literal.data)};
      if (!read_named(yes, in, name, out, seen, true, why)) return false;
    } else if (ahead = in; !ahead.skip()) {
      return wanted<any_term>(in, why);
    }
    in = ahead;
  }
  if (ends && !in.read_nil()) return why.wanted(in, "end of a proper list");
  return complete(start, out, seen, why);
}

template <class T>
bool read_members(cursor& in, T& out, mismatch& why) {
  return reflect::with_members(out, [&](auto&... member) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return ((read(in, member, why) || why.in_field(field_of<T, I>)) && ...);
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
}

/// Reads the record's head in other spellings.
[[gnu::noinline, gnu::cold]] inline bool read_spelled_record_head(cursor& in, std::uint32_t arity,
                                                                  std::string_view tag) {
  cursor ahead = in;
  if (!ahead.read_tuple_of(arity) || !ahead.read_atom_is(tag)) return false;
  return in = ahead, true;
}

template <class T>
[[gnu::always_inline]] inline bool read_record_head(cursor& in) {
  const bytes rest = in.rest();
  constexpr const auto& head = record_head<T>.data;
  if (rest.size() >= head.size() && std::memcmp(rest.data(), head.data(), head.size()) == 0) [[likely]]
    return in.advance(head.size()), true;
  // A small tuple and a short atom in today's encoding would have had the same bytes.
  if (rest.size() > 2 && rest[0] == head[0] && rest[2] == head[2]) return false;
  return read_spelled_record_head(in, reflect::member_count<T> + 1, tag_of<T>);
}

/// The error gives a tuple's size and first atom.
[[gnu::cold, gnu::noinline]] inline bool wanted_tuple(const cursor& at, std::string_view words,
                                                      mismatch& why) {
  cursor ahead = at;
  std::uint32_t arity;
  std::string_view name;
  if (!ahead.read_tuple(arity)) return why.wanted(at, words);
  if (arity == 0 || !ahead.read_atom(name))
    return why.wanted(at, words, concatenated({"tuple of ", std::to_string(std::size_t{arity})}));
  return why.wanted(at, words, concatenated({"{", name, ", …} of ", std::to_string(std::size_t{arity})}));
}
template <class T>
[[gnu::cold, gnu::noinline]] bool wanted_record(const cursor& at, mismatch& why) {
  return !why.is_quiet() && wanted_tuple(at, expected<T>(), why);
}

template <class T>
bool read_aggregate(cursor& in, T& out, mismatch& why) {
  constexpr form how = shape<T>::how;
  if constexpr (how == form::record) {
    if (!read_record_head<T>(in)) return wanted_record<T>(in, why);
    return read_members(in, out, why);
  } else if constexpr (how == form::tuple) {
    if (!in.read_tuple_of(reflect::member_count<T>)) return wanted_record<T>(in, why);
    return read_members(in, out, why);
  } else if constexpr (how == form::proplist) {
    return read_proplist(in, out, why);
  } else {
    return read_map_members(in, out, why);
  }
}

} // namespace detail

} // namespace coppice::etf
