// SPDX-License-Identifier: MIT
// The members of one pg scope as this node knows them: the processes in each group, and how often each
// joined. Groups are terms, equal if they match in Erlang; a group without members does not exist. A member's
// pid tells whether it is on this node. In the process's own turn.
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
#include "runtime/messages/kept_memory.hpp"
#include "services/answers/portions.hpp"
#include "services/observer/node_counts.hpp"

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

  // `work` counts the entries that are looked at and may yield; no other caller may use these groups
  // meanwhile.
  explicit pg_groups(portions& work) : work_(work) {}

  void join(etf::bytes group, const runtime::pid& who) { join(group, std::span(&who, 1)); }
  void join(etf::bytes group, std::span<const runtime::pid> who);
  // Removes one join of a process. False: it is not in the group.
  bool leave(etf::bytes group, const runtime::pid& who) { return !leave(group, std::span(&who, 1)).empty(); }
  // Removes one join of each process that is in the group; returns these processes.
  pids leave(etf::bytes group, std::span<const runtime::pid> who);
  // Every process leaves every group; both may be listed several times. The time depends on the arguments and
  // on the groups that these processes are in, not on every pair of process and group.
  std::vector<change> leave(std::span<const etf::bytes> groups, std::span<const runtime::pid> who);
  // Replaces the memberships of a node's processes by those in `wanted`. Returns the leaves and the joins.
  std::pair<std::vector<change>, std::vector<change>> replace(std::uint32_t node, const pg_groups& wanted);
  // Removes all joins of a process. Returns the groups, and how often it had joined each.
  std::vector<std::pair<std::string, std::uint32_t>> leave_all(const runtime::pid& who);

  bool is_member(const runtime::pid& who) const { return groups_in(who) != nullptr; }
  // Each member as often as it joined, in no order.
  std::vector<runtime::pid> members(etf::bytes group, whose of) const;
  // The groups that have such members. The views are valid until the next change.
  std::vector<etf::bytes> groups(whose of) const;
  // How often that process joined each of its groups. Empty: it is in no group.
  std::vector<std::pair<etf::bytes, std::uint32_t>> groups_of(const runtime::pid& who) const;
  // How often the processes of a node have joined, in all.
  std::size_t memberships(std::uint32_t node) const { return at_node_.of(node); }
  // Bytes of the groups' names, counted once for each process in each group.
  std::size_t bytes(std::uint32_t node) const { return bytes_at_node_.of(node); }
  // The members of a node, each once.
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
    std::unordered_map<runtime::pid, std::uint32_t, runtime::pid_hash> members; // and how often each joined
    std::size_t local = 0;                                                      // members of this node
  };
  using groups_map = std::unordered_map<std::string, membership, hash, equal>;
  using entry = groups_map::value_type;
  using in_groups = std::unordered_set<entry*>;
  using processes = std::unordered_map<runtime::pid, in_groups, runtime::pid_hash>;

  // Counts that a group's name is hashed and compared. May yield.
  void count_look_up(std::size_t bytes_of_name) const { work_.add_read(2 * bytes_of_name); }
  // The groups of a process. Null: it is in none.
  const in_groups* groups_in(const runtime::pid& who) const;
  void forget(const runtime::pid& who); // which is in a group
  void join(entry& in, const runtime::pid& who, std::uint32_t times);
  // Requires that it has joined at least `times`.
  void leave(entry& in, const runtime::pid& who, std::uint32_t times);
  void remove(entry& from, const runtime::pid& who);
  entry& of(etf::bytes group);

  portions& work_;
  groups_map groups_;   // node-based: entries keep their addresses
  node_counts at_node_; // memberships
  node_counts bytes_at_node_;
  runtime::kept_memory memory_;
  std::unordered_map<std::uint32_t, processes> joined_; // by node; only nodes that have members
};

} // namespace coppice::services
