// SPDX-License-Identifier: MIT
// Bytes before and after what is replaced are copied as they are. A walk counts the terms that are still to
// be read, so it needs no recursion.
#include "services/cron/fencing.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::services {

namespace {

// How many terms are inside of the next one, of which only the head is read. False: the term is malformed.
bool enter(etf::cursor& at, std::uint64_t& inside) {
  std::uint32_t count = 0;
  inside = 0;
  switch (at.peek()) {
    case etf::kind::tuple:
      if (!at.read_tuple(count)) return false;
      inside = count;
      return true;
    case etf::kind::list:
      if (!at.read_list(count)) return at.skip();
      inside = count == 0 ? 0 : std::uint64_t{count} + 1; // with the tail
      return true;
    case etf::kind::map:
      if (!at.read_map(count)) return false;
      inside = 2 * std::uint64_t{count};
      return true;
    default:
      return at.skip();
  }
}

} // namespace

std::vector<std::uint8_t> with_token(etf::bytes term, std::uint64_t token) {
  etf::vector_writer out(term.size() + 32);
  etf::cursor at(term);
  for (std::uint64_t left = 1; left > 0; --left) {
    const etf::bytes from = at.rest();
    std::uint64_t inside = 0;
    std::string_view name;
    if (at.peek() == etf::kind::atom && etf::cursor(from).read_atom(name) && name == token_word) {
      (void)at.skip();
      out.unsigned_integer(token);
      continue;
    }
    if (!enter(at, inside)) return {term.begin(), term.end()};
    left += inside;
    out.raw(from.first(from.size() - at.rest().size()));
  }
  return out.take();
}

std::vector<std::uint8_t> with_token_word_at(etf::bytes map, std::string_view key) {
  etf::vector_writer out(map.size() + 16);
  etf::cursor at(map);
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs)) return {map.begin(), map.end()};
  for (; pairs > 0; --pairs) {
    std::string_view name;
    const bool is_it = etf::cursor(at.rest()).read_atom(name) && name == key;
    if (!at.skip()) break;
    if (!is_it) {
      if (!at.skip()) break;
      continue;
    }
    out.raw(map.first(map.size() - at.rest().size()));
    if (!at.skip()) break;
    out.atom(token_word);
    out.raw(at.rest());
    return out.take();
  }
  return {map.begin(), map.end()};
}

} // namespace coppice::services
