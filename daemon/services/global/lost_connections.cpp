// SPDX-License-Identifier: MIT
// Old losses are searched for when a node has no room any more, and not more often than losses can expire, so
// a loss in between costs two look-ups. One process.
#include "services/global/lost_connections.hpp"

namespace coppice::services {

std::size_t lost_connections::memory_of(const entries::value_type& one) {
  return std::get<0>(one.first).size() + std::get<1>(one.first).size() + runtime::memory_of_entry;
}

lost_connections::heard lost_connections::hear(std::uint32_t from, const loss& one, base::nanos now) {
  const std::tuple key(std::string(one.reporter), std::string(one.lost), one.creation);
  if (const auto seen = losses_.find(key); seen != losses_.end()) {
    entry& known = seen->second;
    if (one.id <= known.id) return heard::again;
    known.id = one.id;
    known.at = now;
    return heard::first;
  }
  const auto has_room = [&] {
    const auto found = by_node_.find(from);
    return found == by_node_.end() || found->second < most_by_one;
  };
  if (!has_room()) forget_old(now);
  if (!has_room()) return heard::no_room;
  const auto [at, is_new] = losses_.try_emplace(key, entry{one.id, from, now});
  ++by_node_[from];
  memory_.add(memory_of(*at));
  return heard::first;
}

void lost_connections::forget_old(base::nanos now) {
  if (looked_ != 0 && now - looked_ < kept) return;
  looked_ = now;
  for (auto one = losses_.begin(); one != losses_.end();) {
    if (now - one->second.at < kept) {
      ++one;
      continue;
    }
    const auto count = by_node_.find(one->second.from);
    if (--count->second == 0) by_node_.erase(count);
    memory_.remove(memory_of(*one));
    one = losses_.erase(one);
  }
}

} // namespace coppice::services
