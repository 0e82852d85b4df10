// SPDX-License-Identifier: MIT
// "coppice.order/draft-1" over etf's order. Bytes that are not a term count as unequal, with hash 0. Any
// thread.
#include <coppice/etf/order.hpp>

#include "host/boundary/entry.hpp"

namespace coppice::host {
namespace {

std::int32_t compare(coppice_bytes a, coppice_bytes b) {
  const auto first = term_of(a);
  const auto second = term_of(b);
  if (!first || !second) return first ? 1 : second ? -1 : 0;
  return etf::compare(*first, *second);
}

std::int32_t equal(coppice_bytes a, coppice_bytes b) {
  const auto first = term_of(a);
  const auto second = term_of(b);
  return first && second && etf::equal_exact(*first, *second) ? 1 : 0;
}

std::uint32_t hash(coppice_bytes term) {
  const auto whole = term_of(term);
  return whole ? etf::phash2(*whole) : 0;
}

} // namespace

const coppice_order_api* order_interface() {
  static const coppice_order_api table = {
      .size = sizeof(coppice_order_api),
      .reserved = 0,
      .compare = &plain_entry<&compare>::call,
      .equal = &plain_entry<&equal>::call,
      .hash = &plain_entry<&hash>::call,
  };
  return &table;
}

} // namespace coppice::host
