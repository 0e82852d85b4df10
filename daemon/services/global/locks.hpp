// SPDX-License-Identifier: MIT
// The locks of `global` as one node keeps them: a resource is held by one requester, on whose behalf several
// processes may hold it at once. Resources and requesters are terms, equal when their bytes are. What one
// process holds is found without a search, and counted for its node. One thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/messages/ids.hpp"
#include "services/observer/node_counts.hpp"
#include "services/peers/kept_memory.hpp"

namespace coppice::services {

class global_locks {
 public:
  // True if `holder` holds it now, also when it did already; false if another requester has it.
  bool set(etf::bytes resource, etf::bytes requester, const runtime::pid& holder);
  // Whether set() would succeed.
  bool free_for(etf::bytes resource, etf::bytes requester) const;
  // Whether a process of that node holds it.
  bool is_held_by(etf::bytes resource, std::uint32_t node) const;
  void remove(etf::bytes resource, etf::bytes requester, const runtime::pid& holder);
  // Every lock of a process that is gone.
  void remove_all(const runtime::pid& holder);
  bool holds_any(const runtime::pid& holder) const { return held_by_.contains(holder); }
  std::size_t size() const { return locks_.size(); }
  // How many the processes of a node hold.
  std::size_t of_node(std::uint32_t node) const { return at_node_.of(node); }

 private:
  struct lock {
    std::string requester;
    std::vector<runtime::pid> holders;
  };
  using locks = std::map<std::string, lock, std::less<>>; // by resource
  using entry = locks::value_type;
  static std::size_t bytes_of(const entry& of);

  void let_go(entry& of, const runtime::pid& holder);

  locks locks_; // its entries stay where they are
  std::unordered_map<runtime::pid, std::unordered_set<entry*>, runtime::pid_hash> held_by_;
  node_counts at_node_;
  kept_memory memory_;
};

} // namespace coppice::services
