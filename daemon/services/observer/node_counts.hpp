// SPDX-License-Identifier: MIT
// Counts something for the processes of each node; a node with a count of 0 uses no memory. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace coppice::services {

class node_counts {
 public:
  void add(std::uint32_t node, std::size_t count = 1) {
    if (count != 0) counts_[node] += count;
  }
  // Requires that the node has at least `count`.
  void remove(std::uint32_t node, std::size_t count = 1) {
    if (count == 0) return;
    if (const auto at = counts_.find(node); (at->second -= count) == 0) counts_.erase(at);
  }
  std::size_t of(std::uint32_t node) const {
    const auto at = counts_.find(node);
    return at == counts_.end() ? 0 : at->second;
  }

 private:
  std::unordered_map<std::uint32_t, std::size_t> counts_;
};

} // namespace coppice::services
