// SPDX-License-Identifier: MIT
// The names of `global` as one node keeps them: whose each is, and the monitor by which its end is heard of.
// Names and methods are terms; names are equal when their bytes are. Neither the end of a process nor the
// question what a node has said needs a search. One thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "services/observer/node_counts.hpp"
#include "services/peers/kept_memory.hpp"

namespace coppice::services {

class global_directory {
 public:
  struct entry {
    runtime::pid pid;
    runtime::message method; // how a conflict over the name is resolved
    runtime::reference monitor;
    std::uint32_t speaker = 0; // index of the node that said so; 0: this one
  };
  using entries = std::map<std::string, entry, std::less<>>;

  // Null: nobody has it. Valid until it is erased.
  const entry* find(etf::bytes name) const;
  // The name is free.
  void insert(etf::bytes name, entry what);
  // The name is somebody's.
  void erase(etf::bytes name);
  // False: no name has that monitor.
  bool erase_monitored(const runtime::reference& monitor);

  bool has_name(const runtime::pid& who) const { return names_of_.contains(who); }
  // What that node has said, whoever's processes have the names: how many, and bytes of names and methods.
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
  kept_memory memory_;
};

} // namespace coppice::services
