// SPDX-License-Identifier: MIT
// Erlang's order, equality and hash of terms for the plugin under test (coppice/draft/order.h), computed by
// the headers of the ETF library. Any thread.
#pragma once

#include <coppice/draft/order.h>

#include <cstdint>

#include <coppice/etf/order/hash.hpp>
#include <coppice/etf/order/terms.hpp>

namespace coppice::testing::detail {

inline etf::bytes ordered(coppice_bytes term) {
  return {term.data, static_cast<std::size_t>(term.size)};
}
inline std::int32_t compare(coppice_bytes a, coppice_bytes b) {
  return etf::order::compare_terms(ordered(a), ordered(b), false);
}
inline std::int32_t equal(coppice_bytes a, coppice_bytes b) {
  return etf::order::compare_terms(ordered(a), ordered(b), true) == 0 ? 1 : 0;
}
inline std::uint32_t hash(coppice_bytes term) {
  return etf::order::hash_term(ordered(term)) & etf::order::phash2_mask;
}
inline const coppice_order_api* order_interface() {
  static constexpr coppice_order_api table = {
      .size = sizeof(coppice_order_api), .reserved = 0, .compare = &compare, .equal = &equal, .hash = &hash};
  return &table;
}

} // namespace coppice::testing::detail
