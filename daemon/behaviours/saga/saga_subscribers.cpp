// SPDX-License-Identifier: MIT
// See saga_subscribers.hpp.
#include "behaviours/saga/saga_subscribers.hpp"

namespace coppice::behaviours {

namespace {

std::size_t count_of(const std::unordered_map<std::uint32_t, std::size_t>& in, std::uint32_t node) {
  const auto known = in.find(node);
  return known == in.end() ? 0 : known->second;
}

} // namespace

bool saga_subscribers::add(const std::string& tx, const runtime::pid& who) {
  const auto known = by_tx_.find(tx);
  if (known != by_tx_.end()) {
    if (known->second.all.contains(who)) return true;
    if (count_of(known->second.by_node, who.node) >= most_of_transaction) return false;
  }
  if (!who.here() && count_of(by_node_, who.node) >= most_of_node) return false;
  of_transaction& of = known != by_tx_.end() ? known->second : by_tx_[tx];
  of.all.insert(who);
  ++of.by_node[who.node];
  if (who.here()) return true;
  ++by_node_[who.node];
  ++for_others_;
  return true;
}

const saga_subscribers::processes* saga_subscribers::of(const std::string& tx) const {
  const auto known = by_tx_.find(tx);
  return known == by_tx_.end() ? nullptr : &known->second.all;
}

void saga_subscribers::remove(const std::string& tx) {
  const auto known = by_tx_.find(tx);
  if (known == by_tx_.end()) return;
  for (const auto& [node, count] : known->second.by_node) {
    const auto all = by_node_.find(node);
    if (all == by_node_.end()) continue; // it is this node
    for_others_ -= count;
    if ((all->second -= count) == 0) by_node_.erase(all);
  }
  by_tx_.erase(known);
}

} // namespace coppice::behaviours
