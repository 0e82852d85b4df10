// SPDX-License-Identifier: MIT
// The locks of `global` as this node knows them. A resource is held by one requester, on whose behalf several
// processes may hold it at once. Resources and requesters are terms, equal if their bytes are. The locks of a
// process are found without a search, and counted for its node. One thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/kept_memory.hpp"
#include "services/observer/node_counts.hpp"

namespace coppice::services {

class global_locks {
 public:
  // True: `holder` holds it now, or did already. False: another requester has it.
  bool set(etf::bytes resource, etf::bytes requester, const runtime::pid& holder);
  // Whether set() would succeed.
  bool free_for(etf::bytes resource, etf::bytes requester) const;
  // Whether that process, or a process of that node, holds it.
  bool is_held_by(etf::bytes resource, const runtime::pid& holder) const;
  bool is_held_by(etf::bytes resource, std::uint32_t node) const;
  void remove(etf::bytes resource, etf::bytes requester, const runtime::pid& holder);
  // Removes every lock of a process that has ended.
  void remove_all(const runtime::pid& holder);
  bool holds_any(const runtime::pid& holder) const { return held_by_.contains(holder); }
  std::size_t size() const { return locks_.size(); }
  // The number of locks held by processes of a node.
  std::size_t of_node(std::uint32_t node) const { return at_node_.of(node); }

 private:
  // Processes of a node stand together.
  struct by_node {
    bool operator()(const runtime::pid& a, const runtime::pid& b) const {
      return std::tie(a.node, a.creation, a.id, a.serial) < std::tie(b.node, b.creation, b.id, b.serial);
    }
  };
  struct lock {
    std::string requester;
    std::set<runtime::pid, by_node> holders;
  };
  using locks = std::map<std::string, lock, std::less<>>; // by resource
  using entry = locks::value_type;
  static std::size_t bytes_of(const entry& of);

  void let_go(entry& of, const runtime::pid& holder);

  locks locks_; // node-based: entries keep their addresses
  std::unordered_map<runtime::pid, std::unordered_set<entry*>, runtime::pid_hash> held_by_;
  node_counts at_node_;
  runtime::kept_memory memory_;
};

} // namespace coppice::services
