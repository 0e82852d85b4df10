// SPDX-License-Identifier: MIT
// Two tables that say the same from both sides, so that neither a group's members nor a process's groups
// need a search. One thread.
#include "services/pg_groups.hpp"

#include <coppice/etf/order.hpp>
#include <coppice/etf/unique_keys.hpp>

#include "base/bytes.hpp"

namespace coppice::services {

std::size_t pg_groups::hash::operator()(etf::bytes term) const {
  return etf::equality_hash(term);
}

std::size_t pg_groups::hash::operator()(const std::string& term) const {
  return etf::equality_hash(base::as_bytes(term));
}

etf::bytes pg_groups::equal::view(const std::string& term) {
  return base::as_bytes(term);
}

bool pg_groups::equal::same(etf::bytes a, etf::bytes b) {
  return etf::equal_exact(a, b);
}

void pg_groups::join(etf::bytes group, const runtime::pid& who) {
  auto at = groups_.find(group);
  if (at == groups_.end()) at = groups_.try_emplace(std::string(base::as_text(group))).first;
  at_node_.add(who.node);
  if (++at->second.members[who] > 1) return;
  bytes_at_node_.add(who.node, group.size());
  if (who.here()) ++at->second.local;
  joined_[who].insert(&*at);
}

void pg_groups::remove(entry& from, const runtime::pid& who) {
  from.second.members.erase(who);
  bytes_at_node_.remove(who.node, from.first.size());
  if (who.here()) --from.second.local;
  if (from.second.members.empty()) groups_.erase(groups_.find(from.first));
}

bool pg_groups::leave(etf::bytes group, const runtime::pid& who) {
  const auto at = groups_.find(group);
  if (at == groups_.end()) return false;
  const auto member = at->second.members.find(who);
  if (member == at->second.members.end()) return false;
  at_node_.remove(who.node);
  if (--member->second > 0) return true;
  const auto mine = joined_.find(who);
  mine->second.erase(&*at);
  if (mine->second.empty()) joined_.erase(mine);
  remove(*at, who);
  return true;
}

std::vector<std::pair<std::string, std::uint32_t>> pg_groups::leave_all(const runtime::pid& who) {
  std::vector<std::pair<std::string, std::uint32_t>> left;
  const auto mine = joined_.find(who);
  if (mine == joined_.end()) return left;
  for (entry* in : mine->second) {
    const std::uint32_t times = in->second.members.at(who);
    left.emplace_back(in->first, times);
    at_node_.remove(who.node, times);
    remove(*in, who);
  }
  joined_.erase(mine);
  return left;
}

std::vector<runtime::pid> pg_groups::members(etf::bytes group, whose of) const {
  std::vector<runtime::pid> out;
  const auto at = groups_.find(group);
  if (at == groups_.end()) return out;
  for (const auto& [who, times] : at->second.members) {
    if (of == whose::all || who.here()) out.insert(out.end(), times, who);
  }
  return out;
}

std::vector<etf::bytes> pg_groups::groups(whose of) const {
  std::vector<etf::bytes> out;
  for (const auto& [name, in] : groups_) {
    if (of == whose::all || in.local > 0) out.push_back(base::as_bytes(name));
  }
  return out;
}

std::vector<std::pair<etf::bytes, std::uint32_t>> pg_groups::groups_of(const runtime::pid& who) const {
  std::vector<std::pair<etf::bytes, std::uint32_t>> out;
  const auto mine = joined_.find(who);
  if (mine == joined_.end()) return out;
  for (const entry* in : mine->second)
    out.emplace_back(base::as_bytes(in->first), in->second.members.at(who));
  return out;
}

std::vector<runtime::pid> pg_groups::of_node(std::uint32_t node) const {
  std::vector<runtime::pid> out;
  for (const auto& [who, in] : joined_) {
    if (who.node == node) out.push_back(who);
  }
  return out;
}

} // namespace coppice::services
