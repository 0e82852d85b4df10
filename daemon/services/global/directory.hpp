// SPDX-License-Identifier: MIT
// The names of `global` as this node knows them: the process of each name, and the monitor that reports its
// end. Names and methods are terms; names are equal if their bytes are. The end of a process, and the sum of
// a node's entries, need no search. One thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/kept_memory.hpp"
#include "runtime/messages/message.hpp"
#include "services/observer/node_counts.hpp"

namespace coppice::services {

class global_directory {
 public:
  struct entry {
    runtime::pid pid;
    runtime::message method; // resolves conflicts over the name
    runtime::reference monitor;
    std::uint32_t speaker = 0; // index of the node that registered it; 0: this one
  };
  using entries = std::map<std::string, entry, std::less<>>;

  // Null: the name is free. Valid until the entry is erased.
  const entry* find(etf::bytes name) const;
  // Requires that the name is free.
  void insert(etf::bytes name, entry what);
  // Requires that the name is taken.
  void erase(etf::bytes name);
  // False: no name has that monitor.
  bool erase_monitored(const runtime::reference& monitor);

  bool has_name(const runtime::pid& who) const { return names_of_.contains(who); }
  // The names registered by that node, on any node's processes: their number, and the bytes of names and
  // methods.
  std::size_t said_by(std::uint32_t node) const { return said_by_.of(node); }
  std::size_t bytes_said_by(std::uint32_t node) const { return bytes_said_by_.of(node); }
  const entries& all() const { return names_; }

 private:
  void remove(entries::iterator at);

  entries names_;
  std::unordered_map<runtime::reference, entries::iterator, runtime::reference_hash> by_monitor_;
  std::unordered_map<runtime::pid, std::size_t, runtime::pid_hash> names_of_; // how many
  node_counts said_by_;
  node_counts bytes_said_by_;
  runtime::kept_memory memory_;
};

} // namespace coppice::services
