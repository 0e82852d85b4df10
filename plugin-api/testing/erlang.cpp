// SPDX-License-Identifier: MIT
// Terms in Erlang's syntax. The only source of the kit that needs libcoppice-etf. Any thread.
#include <coppice/testing/erlang.hpp>

namespace coppice::testing {

value erl(std::string_view text) {
  const auto parsed = etf::parse(text);
  if (!parsed) throw failure(parsed.error().text());
  return value::of(*parsed);
}

std::string text(const value& term) {
  return term ? etf::print(term.bytes()) : "(no term)";
}

namespace literals {

value operator""_erl(const char* text, std::size_t size) {
  return erl({text, size});
}

} // namespace literals
namespace detail {

std::string show_erlang(etf::bytes encoded) {
  return etf::print(encoded);
}

} // namespace detail
} // namespace coppice::testing
