// SPDX-License-Identifier: MIT
// The walk copies one table after the other; between two of them the tree may change, so what it returns
// is true of each supervisor, not of one instant for all. Any thread.
#include "behaviours/supervision/tree.hpp"

#include "behaviours/supervision/child_kind.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {
namespace {

std::string_view behaviour_of(const child_spec& of) {
  if (of.kind != nullptr && !of.kind->behaviour().empty()) return of.kind->behaviour();
  return of.is_supervisor() ? "supervisor" : std::string_view(of.behaviour);
}

} // namespace

void supervision_tree::enter(const runtime::pid& supervisor, const child_table& children) {
  const std::scoped_lock held(lock_);
  supervisors_[supervisor] = &children;
}

void supervision_tree::leave(const runtime::pid& supervisor) {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  if (found == supervisors_.end()) return;
  past_restarts_ += found->second->restarts();
  supervisors_.erase(found);
}

std::vector<tree_entry> supervision_tree::children_of(const runtime::pid& supervisor) const {
  const std::scoped_lock held(lock_);
  return walk(supervisor);
}

std::optional<child_row> supervision_tree::child(const runtime::pid& supervisor, etf::bytes id) const {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  return found == supervisors_.end() ? std::nullopt : found->second->row(id);
}

std::optional<child_row> supervision_tree::child(const runtime::pid& supervisor,
                                                 const runtime::pid& pid) const {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  return found == supervisors_.end() ? std::nullopt : found->second->row(pid);
}

std::vector<child_end> supervision_tree::ends(const runtime::pid& supervisor,
                                              const runtime::pid& child) const {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  return found == supervisors_.end() ? std::vector<child_end>() : found->second->ends(child);
}

std::vector<child_row> supervision_tree::rows(const runtime::pid& supervisor) const {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  return found == supervisors_.end() ? std::vector<child_row>() : found->second->rows();
}

std::shared_ptr<const supervisor_spec> supervision_tree::specification(const runtime::pid& supervisor) const {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  return found == supervisors_.end() ? nullptr : found->second->whole();
}

runtime::message supervision_tree::busy_with(const runtime::pid& supervisor) const {
  const std::scoped_lock held(lock_);
  const auto found = supervisors_.find(supervisor);
  return found == supervisors_.end() ? runtime::message() : found->second->busy();
}

std::size_t supervision_tree::given_up() const {
  const std::scoped_lock held(lock_);
  std::size_t sum = 0;
  for (const auto& [pid, children] : supervisors_) sum += children->given_up();
  return sum;
}

std::size_t supervision_tree::terminated() const {
  const std::scoped_lock held(lock_);
  std::size_t sum = 0;
  for (const auto& [pid, children] : supervisors_) sum += children->terminated();
  return sum;
}

std::uint64_t supervision_tree::restarts() const {
  const std::scoped_lock held(lock_);
  std::uint64_t sum = past_restarts_;
  for (const auto& [pid, children] : supervisors_) sum += children->restarts();
  return sum;
}

std::vector<tree_entry> supervision_tree::walk(const runtime::pid& supervisor) const {
  const auto found = supervisors_.find(supervisor);
  if (found == supervisors_.end()) return {};
  std::vector<tree_entry> out;
  for (const child_row& row : found->second->rows()) {
    tree_entry& entry = out.emplace_back();
    entry.id = row.id ? runtime::shown(row.id) : "undefined";
    entry.pid = row.pid;
    entry.is_supervisor = row.spec->is_supervisor();
    entry.name = row.spec->registered_name();
    entry.behaviour = behaviour_of(*row.spec);
    entry.plugin = row.spec->plugin;
    entry.actor = row.spec->actor;
    entry.state = row.state;
    entry.terminated = row.terminated;
    entry.restarts = row.restarts;
    entry.last_end = row.last_end;
    if (row.pid && entry.is_supervisor) entry.children = walk(row.pid);
  }
  return out;
}

} // namespace coppice::behaviours
