// SPDX-License-Identifier: MIT
// The members of one pg scope as this node knows them: who is in which group, and how many times. Groups are
// terms, the same when they match in Erlang; a group without members does not exist. Members of this node
// and of others are told apart by their pid. In the process's own turn.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "runtime/messages/ids.hpp"
#include "services/answers/portions.hpp"
#include "services/observer/node_counts.hpp"
#include "services/peers/kept_memory.hpp"

namespace coppice::services {

class pg_groups {
 public:
  enum class whose : std::uint8_t { all, local };

  using pids = std::vector<runtime::pid>;
  // A group and processes, each as often as it joined or left.
  struct change {
    std::string group;
    pids who;
  };

  // `work` counts what is looked at, and may let others run meanwhile: nobody else uses these groups then.
  explicit pg_groups(portions& work) : work_(work) {}

  void join(etf::bytes group, const runtime::pid& who) { join(group, std::span(&who, 1)); }
  void join(etf::bytes group, std::span<const runtime::pid> who);
  // Takes one of its joins back. False: it is not in the group.
  bool leave(etf::bytes group, const runtime::pid& who) { return !leave(group, std::span(&who, 1)).empty(); }
  // Of those that are in the group one join each; they are returned.
  pids leave(etf::bytes group, std::span<const runtime::pid> who);
  // Every one of them leaves every group; both may come several times. It takes time for what is given and
  // for the groups these processes are in, and not for each process in each group.
  std::vector<change> leave(std::span<const etf::bytes> groups, std::span<const runtime::pid> who);
  // What a node's processes are in becomes what `wanted` has of them; who left, and who joined.
  std::pair<std::vector<change>, std::vector<change>> replace(std::uint32_t node, const pg_groups& wanted);
  // All of its joins. The groups, and how often it had joined each.
  std::vector<std::pair<std::string, std::uint32_t>> leave_all(const runtime::pid& who);

  bool is_member(const runtime::pid& who) const { return joined_.contains(who); }
  // Each as often as it joined, in no order.
  std::vector<runtime::pid> members(etf::bytes group, whose of) const;
  // Those with such members. They point into this until it changes.
  std::vector<etf::bytes> groups(whose of) const;
  // How often that process joined each group it is in; empty if it is in none.
  std::vector<std::pair<etf::bytes, std::uint32_t>> groups_of(const runtime::pid& who) const;
  // How often the processes of a node have joined, all together.
  std::size_t memberships(std::uint32_t node) const { return at_node_.of(node); }
  // Bytes of their groups' names, counted once for each process in each.
  std::size_t bytes(std::uint32_t node) const { return bytes_at_node_.of(node); }
  // Everyone of a node, each once.
  std::vector<runtime::pid> of_node(std::uint32_t node) const;

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(etf::bytes term) const;
    std::size_t operator()(const std::string& term) const;
  };
  struct equal {
    using is_transparent = void;
    static etf::bytes view(etf::bytes term) { return term; }
    static etf::bytes view(const std::string& term);
    bool operator()(const auto& a, const auto& b) const { return same(view(a), view(b)); }
    static bool same(etf::bytes a, etf::bytes b);
  };
  struct membership {
    std::unordered_map<runtime::pid, std::uint32_t, runtime::pid_hash> members; // and how many times
    std::size_t local = 0;                                                      // members of this node
  };
  using groups_map = std::unordered_map<std::string, membership, hash, equal>;
  using entry = groups_map::value_type;

  void join(entry& in, const runtime::pid& who, std::uint32_t times);
  // No more than it has.
  void leave(entry& in, const runtime::pid& who, std::uint32_t times);
  void remove(entry& from, const runtime::pid& who);
  entry& of(etf::bytes group);

  portions& work_;
  groups_map groups_;   // its entries stay where they are
  node_counts at_node_; // memberships
  node_counts bytes_at_node_;
  kept_memory memory_;
  std::unordered_map<runtime::pid, std::unordered_set<entry*>, runtime::pid_hash> joined_;
};

} // namespace coppice::services
