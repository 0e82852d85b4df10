// SPDX-License-Identifier: MIT
// Erlang's order, equality and hash of terms, computed by the host, for tables and sets of terms. A draft of
// the ABI: these throw std::runtime_error on a host without it. Header-only. Any thread.
#pragma once

#include <coppice/draft/order.h>
#include <coppice/detail/host.hpp>

namespace coppice {

namespace detail {
inline constinit draft<coppice_order_api> order{COPPICE_ORDER_DRAFT_1};
} // namespace detail

/// Below 0 for A < B, 0 for A == B, above 0 for A > B, as in Erlang.
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
