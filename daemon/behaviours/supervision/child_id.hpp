// SPDX-License-Identifier: MIT
// When two ids of children are the same: when they match in Erlang (=:=). Their bytes may differ, since each
// node encodes the keys of a map in an order of its own. Ids are whole canonical terms. Any thread.
#pragma once

#include <algorithm>
#include <coppice/etf/order.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <cstddef>

namespace coppice::behaviours {

inline bool same_child_id(etf::bytes a, etf::bytes b) {
  return std::ranges::equal(a, b) || etf::equal_exact(a, b);
}

// For indices and sets of ids: the same for ids that are the same.
struct child_id_hash {
  std::size_t operator()(etf::bytes id) const { return etf::equality_hash(id); }
};
struct child_id_equal {
  bool operator()(etf::bytes a, etf::bytes b) const { return same_child_id(a, b); }
};

} // namespace coppice::behaviours
