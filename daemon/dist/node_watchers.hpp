// SPDX-License-Identifier: MIT
// The processes of this node that get {nodedown, Node} for one peer, each as often as it asked for it. Adding
// and removing one takes the same time however many there are. One thread at a time: under the peer's lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "runtime/messages/ids.hpp"

namespace coppice::dist {

class node_watchers {
 public:
  using table = std::unordered_map<runtime::pid, std::uint32_t, runtime::pid_hash>; // with the times

  // `alive`: says whether a process lives. A process that has ended may stay for a while: such processes are
  // looked for when twice as many have been added as were found alive the last time.
  template <class Alive> // bool(const runtime::pid&)
  void add(const runtime::pid& who, const Alive& alive) {
    ++all_[who];
    if (all_.size() < next_look_) return;
    std::erase_if(all_, [&](const auto& one) { return !alive(one.first); });
    next_look_ = std::max(least_looked_at, 2 * all_.size());
  }
  // Takes back one add(). False: the process is not among them.
  bool remove(const runtime::pid& who) {
    const auto found = all_.find(who);
    if (found == all_.end()) return false;
    if (--found->second == 0) all_.erase(found);
    return true;
  }
  // Removes and returns `most` of them, or all.
  node_watchers take(std::size_t most) {
    if (most >= all_.size()) return std::exchange(*this, {});
    node_watchers out;
    for (; most != 0; --most) out.all_.insert(all_.extract(all_.begin()));
    return out;
  }
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  table::const_iterator begin() const { return all_.begin(); }
  table::const_iterator end() const { return all_.end(); }

 private:
  static constexpr std::size_t least_looked_at = 64;

  table all_;
  std::size_t next_look_ = least_looked_at;
};

} // namespace coppice::dist
