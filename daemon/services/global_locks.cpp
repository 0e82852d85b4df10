// SPDX-License-Identifier: MIT
// A lock lives as long as one of its holders. One thread.
#include "services/global_locks.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace coppice::services {

bool global_locks::free_for(etf::bytes resource, etf::bytes requester) const {
  const auto at = locks_.find(base::as_text(resource));
  return at == locks_.end() || at->second.requester == base::as_text(requester);
}

bool global_locks::set(etf::bytes resource, etf::bytes requester, const runtime::pid& holder) {
  if (!free_for(resource, requester)) return false;
  auto& held = locks_[std::string(base::as_text(resource))];
  held.requester = base::as_text(requester);
  if (std::find(held.holders.begin(), held.holders.end(), holder) == held.holders.end())
    held.holders.push_back(holder);
  return true;
}

bool global_locks::is_held_by(etf::bytes resource, std::uint32_t node) const {
  const auto found = locks_.find(base::as_text(resource));
  return found != locks_.end() && std::ranges::any_of(found->second.holders, [node](const runtime::pid& one) {
           return one.node == node;
         });
}

void global_locks::remove(etf::bytes resource, etf::bytes requester, const runtime::pid& holder) {
  const auto at = locks_.find(base::as_text(resource));
  if (at == locks_.end() || at->second.requester != base::as_text(requester)) return;
  std::erase(at->second.holders, holder);
  if (at->second.holders.empty()) locks_.erase(at);
}

void global_locks::remove_all(const runtime::pid& holder) {
  for (auto& [resource, held] : locks_) std::erase(held.holders, holder);
  std::erase_if(locks_, [](const auto& entry) { return entry.second.holders.empty(); });
}

bool global_locks::holds_any(const runtime::pid& holder) const {
  return std::any_of(locks_.begin(), locks_.end(), [&](const auto& entry) {
    const auto& holders = entry.second.holders;
    return std::find(holders.begin(), holders.end(), holder) != holders.end();
  });
}

} // namespace coppice::services
