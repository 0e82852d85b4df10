// SPDX-License-Identifier: MIT
// Reads what a plugin passes to the host, and checks all of it. Any thread.
#include <coppice/testing/bytes.hpp>

#include <coppice/etf/validate.hpp>

#include <optional>

namespace coppice::testing::detail {

etf::bytes view(coppice_bytes bytes) {
  return {bytes.data, static_cast<std::size_t>(bytes.size)};
}

coppice_bytes plain(etf::bytes bytes) {
  return {bytes.data(), bytes.size()};
}

bool is_term(etf::bytes bytes) {
  const auto seen = etf::scan(bytes);
  if (bytes.empty() || !seen || seen->length != bytes.size()) return false;
  return !seen->keyed || has_unique_keys == nullptr || has_unique_keys(bytes);
}

std::optional<value> term_of(coppice_bytes from) {
  if (from.data == nullptr || !is_term(view(from))) return std::nullopt;
  return value::of(view(from));
}

std::optional<value> term_of(coppice_bytes from, etf::kind wanted) {
  auto term = term_of(from);
  return term && etf::cursor(term->bytes()).peek() == wanted ? term : std::nullopt;
}

std::optional<value> destination_of(coppice_bytes from) {
  auto term = term_of(from);
  if (!term) return std::nullopt;
  etf::cursor at(term->bytes());
  std::string_view word;
  const auto kind = at.peek();
  if (kind == etf::kind::pid || kind == etf::kind::reference || kind == etf::kind::atom) return term;
  if (at.read_tuple_of(2) && at.read_atom(word) && at.read_atom(word)) return term;
  return std::nullopt;
}

std::string text_of(coppice_bytes from) {
  if (from.data == nullptr) return {};
  return {reinterpret_cast<const char*>(from.data), static_cast<std::size_t>(from.size)};
}

} // namespace coppice::testing::detail
