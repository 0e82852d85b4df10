// SPDX-License-Identifier: MIT
// Shows the supervision tree to other threads. Running supervisors enter their child tables here and leave
// before the tables die, so that a look at the tree is a walk over copies and asks no process. The tree's
// lock is taken before a table's lock, never the other way round. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "behaviours/supervision/child_table.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

// A supervisor's child, or a supervisor at the top of an application.
struct tree_entry {
  std::string id;   // as Erlang text
  runtime::pid pid; // null unless running
  std::string name; // registered name; empty: none
  std::string behaviour;
  std::string plugin; // empty for supervisors
  bool is_supervisor = false;
  std::string actor; // as the specification says: PLUGIN or PLUGIN:ACTOR
  child_state state = child_state::stopped;
  bool terminated = false; // stopped by request
  std::uint32_t restarts = 0;
  std::optional<child_end> last_end; // of a run, or of a failed start
  std::vector<tree_entry> children;  // in start order
};

class supervision_tree {
 public:
  supervision_tree() = default;
  supervision_tree(const supervision_tree&) = delete;
  supervision_tree& operator=(const supervision_tree&) = delete;

  // The table must stay until leave().
  void enter(const runtime::pid& supervisor, const child_table& children);
  void leave(const runtime::pid& supervisor);

  // The children of a supervisor with all that is below them. None: it runs no more.
  std::vector<tree_entry> children_of(const runtime::pid& supervisor) const;
  // One child of a supervisor, by its id or its pid. Nothing: there is none, or the supervisor runs no more.
  std::optional<child_row> child(const runtime::pid& supervisor, etf::bytes id) const;
  std::optional<child_row> child(const runtime::pid& supervisor, const runtime::pid& pid) const;
  std::vector<child_end> ends(const runtime::pid& supervisor, const runtime::pid& child) const;
  // All children of a supervisor, in start order. None: it runs no more.
  std::vector<child_row> rows(const runtime::pid& supervisor) const;
  // The specification by which a supervisor was started, with the later changes of its own flags; null: it
  // runs no more.
  std::shared_ptr<const supervisor_spec> specification(const runtime::pid& supervisor) const;
  // The id of the child that a supervisor is starting or stopping now; empty: none.
  runtime::message busy_with(const runtime::pid& supervisor) const;
  // How many children have been given up, in all supervisors.
  std::size_t given_up() const;
  // How many children rest because they were stopped by request, in all supervisors.
  std::size_t terminated() const;
  // How many restarts there were, in all supervisors since the node began.
  std::uint64_t restarts() const;

 private:
  std::vector<tree_entry> walk(const runtime::pid& supervisor) const;

  mutable std::mutex lock_;
  std::unordered_map<runtime::pid, const child_table*, runtime::pid_hash> supervisors_;
  std::uint64_t past_restarts_ = 0; // of supervisors that have left
};

} // namespace coppice::behaviours
