// SPDX-License-Identifier: MIT
// Terms in Erlang's syntax in tests. Not header-only: link with libcoppice-etf (`pkg-config --static --libs
// coppice-etf`). Any thread.
//
//   CHECK(kv.call("{put, a, 1}"_erl) == "ok"_erl);        // a failure is printed in the same syntax
#pragma once

#include <coppice/etf/text.hpp>
#include <coppice/etf/unique_keys.hpp>

#include <coppice/testing/host.hpp>

namespace coppice::testing {

/// One term in Erlang's syntax.
inline value erl(std::string_view text) {
  const auto parsed = etf::parse(text);
  if (!parsed) throw failure(parsed.error().text());
  return value::of(*parsed);
}
inline std::string text(const value& term) {
  return term ? etf::print(term.bytes()) : "(no term)";
}

namespace literals {
inline value operator""_erl(const char* text, std::size_t size) {
  return erl({text, size});
}
} // namespace literals

namespace detail {

inline std::string show_erlang(etf::bytes encoded) {
  return etf::print(encoded);
}
/// Set by including this header.
inline const bool erlang_is_linked = [] {
  show = &show_erlang;
  has_unique_keys = &etf::has_unique_keys;
  return true;
}();

} // namespace detail
} // namespace coppice::testing
