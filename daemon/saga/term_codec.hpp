// SPDX-License-Identifier: MIT
// How the saga room's values are written as Erlang terms: what messages and records have in common. Any
// thread.
#pragma once

#include <coppice/etf/codec.hpp>

#include "saga/types.hpp"

// A term stands for itself, an empty one for `undefined`.
template <>
struct coppice::etf::codec<coppice::saga::term> {
  static constexpr std::string_view expected = "a term";
  static void encode(writer& out, const saga::term& value) {
    if (value.encoded.empty()) return out.atom("undefined");
    out.raw({reinterpret_cast<const std::uint8_t*>(value.encoded.data()), value.encoded.size()});
  }
  static bool decode(cursor& in, saga::term& out, mismatch& why) {
    bytes whole;
    if (cursor ahead = in; ahead.read_atom_is("undefined")) {
      in = ahead;
      out.encoded.clear();
      return true;
    }
    if (!in.read_term(whole)) return why.wanted(in, expected);
    out.encoded.assign(reinterpret_cast<const char*>(whole.data()), whole.size());
    return true;
  }
};

template <>
struct coppice::etf::shape<coppice::saga::address> {
  static constexpr form how = form::tuple;
  static constexpr std::string_view tag = "address";
  template <std::size_t I>
  static constexpr std::string_view name() {
    return reflect::member_name<saga::address, I>();
  }
};
template <>
struct coppice::etf::shape<coppice::saga::hop> {
  static constexpr form how = form::tuple;
  static constexpr std::string_view tag = "hop";
  template <std::size_t I>
  static constexpr std::string_view name() {
    return reflect::member_name<saga::hop, I>();
  }
};
template <>
struct coppice::etf::shape<coppice::saga::step_id> {
  static constexpr form how = form::tuple;
  static constexpr std::string_view tag = "step";
  template <std::size_t I>
  static constexpr std::string_view name() {
    return reflect::member_name<saga::step_id, I>();
  }
};
template <>
struct coppice::etf::shape<coppice::saga::step_key> {
  static constexpr form how = form::tuple;
  static constexpr std::string_view tag = "key";
  template <std::size_t I>
  static constexpr std::string_view name() {
    return reflect::member_name<saga::step_key, I>();
  }
};

namespace coppice::saga {

template <class Value>
std::string to_text(const Value& of) {
  const std::vector<std::uint8_t> made = etf::encode(of);
  return {made.begin(), made.end()};
}

inline bool is_sound(const std::string& name) {
  return !name.empty() && name.size() <= longest_name;
}
inline bool is_sound(const address& of) {
  return is_sound(of.name) && is_sound(of.node);
}
// The path may be empty: of a root.
inline bool is_sound(const step_key& of) {
  if (!is_sound(of.tx) || of.step.path.size() > deepest_path) return false;
  for (const hop& one : of.step.path)
    if (!is_sound(one.saga) || one.number == 0) return false;
  return true;
}

} // namespace coppice::saga
