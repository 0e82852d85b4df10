// SPDX-License-Identifier: MIT
// See node_room.hpp.
#include "saga/node_room.hpp"

#include "saga/options.hpp"

namespace coppice::saga {

bool node_room::has(const std::string& node, std::size_t more, std::size_t most) const {
  const std::lock_guard hold(mutex_);
  const auto known = by_node_.find(node);
  const std::size_t its = known == by_node_.end() ? 0 : known->second;
  return taken_ + more <= most && its + more <= share_of_one(most);
}

void node_room::change(const std::string& node, std::size_t before, std::size_t now) {
  if (before == now) return;
  const std::lock_guard hold(mutex_);
  const auto of = by_node_.try_emplace(node).first;
  of->second += now - before;
  taken_ += now - before;
  if (of->second == 0) by_node_.erase(of);
}

std::size_t node_room::taken() const {
  const std::lock_guard hold(mutex_);
  return taken_;
}

} // namespace coppice::saga
