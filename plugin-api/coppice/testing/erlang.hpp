// SPDX-License-Identifier: MIT
// Terms in Erlang's syntax in tests, by libcoppice-etf, which `pkg-config --libs coppice-testing` names as
// well. Any thread.
//
//   CHECK(kv.call("{put, a, 1}"_erl) == "ok"_erl);        // a failure is printed in the same syntax
#pragma once

#include <coppice/etf/text.hpp>
#include <coppice/etf/unique_keys.hpp>

#include <coppice/testing/bytes.hpp>

namespace coppice::testing {

/// One term in Erlang's syntax.
value erl(std::string_view text);
std::string text(const value& term);

namespace literals {
value operator""_erl(const char* text, std::size_t size);
} // namespace literals

namespace detail {

std::string show_erlang(etf::bytes encoded);
/// Set by including this header.
inline const bool erlang_is_linked = [] {
  show = &show_erlang;
  has_unique_keys = &etf::has_unique_keys;
  return true;
}();

} // namespace detail
} // namespace coppice::testing
