// SPDX-License-Identifier: MIT
// Erlang's order, equality and hash of terms, asked of the host: what a table or a set of terms needs. A
// draft of the ABI: on a host without it these throw. Header-only. Any thread.
#pragma once

#include <coppice/host.hpp>

#include <stdexcept>

namespace coppice {

namespace detail {
inline const coppice_order_api& order() {
  if (host.order == nullptr) throw std::runtime_error("this host lacks " COPPICE_ORDER_1);
  return *host.order;
}
} // namespace detail

/// Below, at or above 0 as Erlang's <, ==, >.
inline std::int32_t compare(term a, term b) {
  return detail::order().compare(detail::plain(a.encoded), detail::plain(b.encoded));
}
/// A =:= B
inline bool equal(term a, term b) {
  return detail::order().equal(detail::plain(a.encoded), detail::plain(b.encoded)) != 0;
}
/// erlang:phash2(Term)
inline std::uint32_t hash(term t) {
  return detail::order().hash(detail::plain(t.encoded));
}

} // namespace coppice
