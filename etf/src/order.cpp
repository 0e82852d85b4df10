// SPDX-License-Identifier: MIT
// See order.hpp. What does the work is in order/, headers alone, so that a plugin's test has it without this
// library.
#include <coppice/etf/order.hpp>
#include <coppice/etf/order/hash.hpp>
#include <coppice/etf/order/terms.hpp>

namespace coppice::etf {

int compare(bytes a, bytes b) {
  return order::compare_terms(a, b, false);
}

bool equal_exact(bytes a, bytes b) {
  return order::compare_terms(a, b, true) == 0;
}

bool equal_loose(bytes a, bytes b) {
  return compare(a, b) == 0;
}

std::uint32_t phash2(bytes term) {
  return order::hash_term(term) & order::phash2_mask;
}

std::uint32_t phash2(bytes term, std::uint32_t range) {
  const std::uint32_t hash = order::hash_term(term);
  return range == 0 ? hash : hash % range;
}

} // namespace coppice::etf
