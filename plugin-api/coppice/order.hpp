// SPDX-License-Identifier: MIT
// Erlang's order, equality and hash of terms, asked of the host: what a table or a set of terms needs. A
// draft of the ABI: on a host without it these throw std::runtime_error. Header-only. Any thread.
#pragma once

#include <coppice/order.h>
#include <coppice/host.hpp>

namespace coppice {

namespace detail {
inline constinit draft<coppice_order_api> order{COPPICE_ORDER_DRAFT_1};
} // namespace detail

/// Below, at or above 0 as Erlang's <, ==, >.
inline std::int32_t compare(term a, term b) {
  return detail::order.need().compare(detail::plain(a.encoded), detail::plain(b.encoded));
}
/// A =:= B
inline bool equal(term a, term b) {
  return detail::order.need().equal(detail::plain(a.encoded), detail::plain(b.encoded)) != 0;
}
/// erlang:phash2(Term)
inline std::uint32_t hash(term t) {
  return detail::order.need().hash(detail::plain(t.encoded));
}

} // namespace coppice
