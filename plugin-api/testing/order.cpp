// SPDX-License-Identifier: MIT
// The host's interface for the order, equality and hash of terms. Any thread.
#include <coppice/testing/order.hpp>

#include <coppice/etf/order/hash.hpp>
#include <coppice/etf/order/terms.hpp>

namespace coppice::testing::detail {

namespace {

etf::bytes ordered(coppice_bytes term) {
  return {term.data, static_cast<std::size_t>(term.size)};
}
std::int32_t compare(coppice_bytes a, coppice_bytes b) {
  return etf::order::compare_terms(ordered(a), ordered(b), false);
}
std::int32_t equal(coppice_bytes a, coppice_bytes b) {
  return etf::order::compare_terms(ordered(a), ordered(b), true) == 0 ? 1 : 0;
}

} // namespace

std::uint32_t hash(coppice_bytes term) {
  return etf::order::hash_term(ordered(term)) & etf::order::phash2_mask;
}

const coppice_order_api* order_interface() {
  static constexpr coppice_order_api table = {
      .size = sizeof(coppice_order_api), .reserved = 0, .compare = &compare, .equal = &equal, .hash = &hash};
  return &table;
}

} // namespace coppice::testing::detail
