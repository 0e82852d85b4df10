// SPDX-License-Identifier: MIT
// Finds the end of a term of a request that may be very long. cursor::skip() reads a term in one go, which
// takes a turn far beyond its budget where a message has millions of small terms. In the process's own turn.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstddef>
#include <cstdint>

#include "services/answers/portions.hpp"

namespace coppice::services {

// Reads a term like cursor::read_term(). It may yield, so the bytes that the cursor reads have to be the
// process's own.
inline bool read_long_term(etf::cursor& at, etf::bytes& whole, portions& work) {
  constexpr std::size_t soon_read = std::size_t{4} << 10; // bytes
  const etf::bytes from = at.rest();
  if (from.size() <= soon_read) {
    if (!at.read_term(whole)) return false;
    work.add_read(whole.size());
    return true;
  }
  etf::cursor ahead = at;
  for (std::uint64_t due = 1; due != 0; --due) {
    const etf::bytes rest = ahead.rest();
    std::uint32_t count = 0;
    const etf::kind is = ahead.peek();
    const bool is_list = is == etf::kind::list && rest.size() >= 5 && rest[0] == 'l'; // no STRING_EXT
    if (is_list && (rest[1] | rest[2] | rest[3] | rest[4]) == 0) {
      ahead.advance(5); // a head of 0 elements: the term after it is the value
      ++due;
    } else if (is_list && ahead.read_list(count)) {
      due += std::uint64_t{count} + 1; // and the tail
    } else if (is == etf::kind::tuple && ahead.read_tuple(count)) {
      due += count;
    } else if (is == etf::kind::map && ahead.read_map(count)) {
      due += 2 * std::uint64_t{count};
    } else if (!ahead.skip()) {
      return false;
    }
    work.add(rest.size() - ahead.rest().size());
  }
  whole = from.first(from.size() - ahead.rest().size());
  at = ahead;
  return true;
}

// Skips `count` terms like cursor::skip(). It may yield, as read_long_term().
inline bool skip_long_terms(etf::cursor& at, std::uint32_t count, portions& work) {
  for (etf::bytes one; count != 0; --count)
    if (!read_long_term(at, one, work)) return false;
  return true;
}

} // namespace coppice::services
