// SPDX-License-Identifier: MIT
// The parts of the Erlang form that messages and records share: terms, paths and addresses of sagas. Any
// thread.
#pragma once

#include <coppice/etf/codec.hpp>

#include "saga/types.hpp"

// A term is written as it is, an empty one as `undefined`.
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
struct coppice::etf::codec<coppice::saga::step_path> {
  static constexpr std::string_view expected = "a list of {Saga, Number}";
  static void encode(writer& out, const saga::step_path& value) {
    etf::encode(out, std::vector<saga::hop>(value.begin(), value.end()));
  }
  // A hop takes many times the memory of its bytes, so a longer path is refused before it is read.
  static bool decode(cursor& in, saga::step_path& out, mismatch& why) {
    std::uint32_t length = 0;
    if (cursor ahead = in; ahead.read_list(length) && length > saga::deepest_path)
      return why.refused(in, errc::mismatch, "expected a list of at most 255 {Saga, Number}");
    std::vector<saga::hop> read;
    if (!etf::read(in, read, why)) return false;
    out = std::move(read);
    return true;
  }
};

template <>
struct coppice::etf::codec<coppice::saga::address> {
  static constexpr std::string_view expected = "{Name, Node}";
  static void encode(writer& out, const saga::address& value) {
    out.tuple(2);
    out.binary(value.name());
    out.binary(value.node());
  }
  static bool decode(cursor& in, saga::address& out, mismatch& why) {
    std::pair<std::string, std::string> read;
    if (!etf::read(in, read, why)) return false;
    out = {std::move(read.first), std::move(read.second)};
    return true;
  }
};

namespace coppice::saga {

template <class Value>
std::string to_text(const Value& of) {
  const std::vector<std::uint8_t> made = etf::encode(of);
  return {made.begin(), made.end()};
}

} // namespace coppice::saga
