// SPDX-License-Identifier: MIT
// The locks of `global` on this node. A lock lives as long as one of its holders. One thread.
#include "services/global/locks.hpp"

#include <utility>

#include "base/bytes.hpp"

namespace coppice::services {

std::size_t global_locks::bytes_of(const entry& of) {
  return of.first.size() + of.second.requester.size() + runtime::memory_of_entry;
}

bool global_locks::free_for(etf::bytes resource, etf::bytes requester) const {
  const auto at = locks_.find(base::as_text(resource));
  return at == locks_.end() || at->second.requester == base::as_text(requester);
}

bool global_locks::set(etf::bytes resource, etf::bytes requester, const runtime::pid& holder) {
  if (!free_for(resource, requester)) return false;
  const auto [at, is_new] = locks_.try_emplace(std::string(base::as_text(resource)));
  entry& held = *at;
  held.second.requester = base::as_text(requester);
  if (is_new) memory_.add(bytes_of(held));
  if (!held_by_[holder].insert(&held).second) return true;
  held.second.holders.insert(holder);
  at_node_.add(holder.node);
  return true;
}

bool global_locks::is_held_by(etf::bytes resource, const runtime::pid& holder) const {
  const auto found = locks_.find(base::as_text(resource));
  return found != locks_.end() && found->second.holders.contains(holder);
}

bool global_locks::is_held_by(etf::bytes resource, std::uint32_t node) const {
  const auto found = locks_.find(base::as_text(resource));
  if (found == locks_.end()) return false;
  const auto first = found->second.holders.lower_bound(runtime::pid{node, 0, 0, 0});
  return first != found->second.holders.end() && first->node == node;
}

// The caller removes the entry from the holder's list.
void global_locks::let_go(entry& of, const runtime::pid& holder) {
  of.second.holders.erase(holder);
  at_node_.remove(holder.node);
  if (!of.second.holders.empty()) return;
  memory_.remove(bytes_of(of));
  locks_.erase(locks_.find(of.first));
}

void global_locks::remove(etf::bytes resource, etf::bytes requester, const runtime::pid& holder) {
  const auto at = locks_.find(base::as_text(resource));
  if (at == locks_.end() || at->second.requester != base::as_text(requester)) return;
  const auto mine = held_by_.find(holder);
  if (mine == held_by_.end() || mine->second.erase(&*at) == 0) return;
  if (mine->second.empty()) held_by_.erase(mine);
  let_go(*at, holder);
}

void global_locks::remove_all(const runtime::pid& holder) {
  const auto mine = held_by_.find(holder);
  if (mine == held_by_.end()) return;
  const auto all = std::move(mine->second);
  held_by_.erase(mine);
  for (entry* held : all) let_go(*held, holder);
}

} // namespace coppice::services
