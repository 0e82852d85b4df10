// SPDX-License-Identifier: MIT
// The External Term Format: its tags, the kinds of terms, and the three identities (pid, port, reference) as
// plain values. Node names are borrowed: they point into the bytes that they were read from. Source: ERTS
// User's Guide, "External Term Format".
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coppice::etf {

using bytes = std::span<const std::uint8_t>;

inline constexpr std::uint8_t version_magic = 131;

/// `#{}`, without the magic.
inline constexpr std::array<std::uint8_t, 5> empty_map{116, 0, 0, 0, 0};

enum class tag : std::uint8_t {
  new_float = 70,
  bit_binary = 77,
  compressed = 80,
  atom_cache_ref = 82,
  new_pid = 88,
  new_port = 89,
  newer_reference = 90,
  small_integer = 97,
  integer = 98,
  float_text = 99,
  atom_latin1 = 100,
  old_reference = 101,
  old_port = 102,
  old_pid = 103,
  small_tuple = 104,
  large_tuple = 105,
  nil = 106,
  string = 107,
  list = 108,
  binary = 109,
  small_big = 110,
  large_big = 111,
  new_fun = 112,
  exported_fun = 113,
  new_reference = 114,
  small_atom_latin1 = 115,
  map = 116,
  old_fun = 117,
  atom_utf8 = 118,
  small_atom_utf8 = 119,
  v4_port = 120,
  local = 121,
};

/// The kind of a term in Erlang. `none`: the end of the bytes, or a tag that is no term.
enum class kind : std::uint8_t {
  none,
  integer,
  floating,
  atom,
  reference,
  fun,
  port,
  pid,
  tuple,
  map,
  nil,
  list,
  binary,
  bitstring,
};

namespace detail {
constexpr std::array<kind, 256> make_kinds() {
  std::array<kind, 256> kinds{};
  const auto set = [&kinds](tag t, kind k) { kinds[static_cast<std::uint8_t>(t)] = k; };
  for (const tag t : {tag::small_integer, tag::integer, tag::small_big, tag::large_big})
    set(t, kind::integer);
  for (const tag t : {tag::new_float, tag::float_text}) set(t, kind::floating);
  for (const tag t : {tag::atom_latin1, tag::small_atom_latin1, tag::atom_utf8, tag::small_atom_utf8})
    set(t, kind::atom);
  for (const tag t : {tag::newer_reference, tag::new_reference, tag::old_reference}) set(t, kind::reference);
  for (const tag t : {tag::new_fun, tag::exported_fun}) set(t, kind::fun);
  for (const tag t : {tag::old_port, tag::new_port, tag::v4_port}) set(t, kind::port);
  for (const tag t : {tag::old_pid, tag::new_pid}) set(t, kind::pid);
  for (const tag t : {tag::small_tuple, tag::large_tuple}) set(t, kind::tuple);
  for (const tag t : {tag::string, tag::list}) set(t, kind::list);
  set(tag::map, kind::map);
  set(tag::nil, kind::nil);
  set(tag::binary, kind::binary);
  set(tag::bit_binary, kind::bitstring);
  return kinds;
}
inline constexpr std::array<kind, 256> kinds = make_kinds();
} // namespace detail

constexpr kind kind_of(std::uint8_t tag_byte) {
  return detail::kinds[tag_byte];
}

/// The word for messages: "integer", "float", "atom", …
constexpr std::string_view name_of(kind k) {
  constexpr std::array<std::string_view, 14> names{"nothing", "integer", "float",  "atom",     "reference",
                                                   "fun",     "port",    "pid",    "tuple",    "map",
                                                   "[]",      "list",    "binary", "bitstring"};
  return names[static_cast<std::size_t>(k)];
}

struct pid {
  std::string_view node;
  std::uint32_t id = 0;
  std::uint32_t serial = 0;
  std::uint32_t creation = 0;
  friend bool operator==(const pid&, const pid&) = default;
};

struct port {
  std::string_view node;
  std::uint64_t id = 0;
  std::uint32_t creation = 0;
  friend bool operator==(const port&, const port&) = default;
};

/// `words` beyond `count` are zero, so that equal references compare equal.
struct reference {
  std::string_view node;
  std::uint32_t creation = 0;
  std::uint32_t count = 0; ///< 1 to 5
  std::array<std::uint32_t, 5> words{};
  friend bool operator==(const reference&, const reference&) = default;
};

} // namespace coppice::etf
