// SPDX-License-Identifier: MIT
// Two tables with the same memberships, by group and by process, so that neither a group's members nor a
// process's groups need a search. In the process's own turn.
#include "services/pg/groups.hpp"

#include <algorithm>
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

pg_groups::entry& pg_groups::of(etf::bytes group) {
  const auto at = groups_.find(group);
  if (at != groups_.end()) return *at;
  memory_.add(group.size() + runtime::memory_of_entry);
  return *groups_.try_emplace(std::string(base::as_text(group))).first;
}

void pg_groups::join(entry& in, const runtime::pid& who, std::uint32_t times) {
  at_node_.add(who.node, times);
  std::uint32_t& joined = in.second.members[who];
  joined += times;
  if (joined > times) return;
  bytes_at_node_.add(who.node, in.first.size());
  memory_.add(runtime::memory_of_entry);
  if (who.here()) ++in.second.local;
  joined_[who].insert(&in);
}

void pg_groups::join(etf::bytes group, std::span<const runtime::pid> who) {
  if (who.empty()) return;
  entry& in = of(group);
  for (const auto& one : who) {
    join(in, one, 1);
    work_.add();
  }
}

void pg_groups::remove(entry& from, const runtime::pid& who) {
  from.second.members.erase(who);
  bytes_at_node_.remove(who.node, from.first.size());
  memory_.remove(runtime::memory_of_entry);
  if (who.here()) --from.second.local;
  if (!from.second.members.empty()) return;
  memory_.remove(from.first.size() + runtime::memory_of_entry);
  groups_.erase(groups_.find(from.first));
}

void pg_groups::leave(entry& in, const runtime::pid& who, std::uint32_t times) {
  const auto member = in.second.members.find(who);
  at_node_.remove(who.node, times);
  if ((member->second -= times) > 0) return;
  const auto mine = joined_.find(who);
  mine->second.erase(&in);
  if (mine->second.empty()) joined_.erase(mine);
  remove(in, who);
}

pg_groups::pids pg_groups::leave(etf::bytes group, std::span<const runtime::pid> who) {
  pids left;
  const auto at = groups_.find(group);
  if (at == groups_.end()) return left;
  for (const auto& one : who) {
    work_.add();
    const auto& members = at->second.members;
    if (!members.contains(one)) continue;
    left.push_back(one);
    const bool is_last = members.size() == 1 && members.begin()->second == 1;
    leave(*at, one, 1);
    if (is_last) break; // the group was removed
  }
  return left;
}

std::vector<pg_groups::change> pg_groups::leave(std::span<const etf::bytes> groups,
                                                std::span<const runtime::pid> who) {
  std::unordered_map<entry*, std::uint64_t> named;                            // and how often
  std::unordered_map<runtime::pid, std::uint64_t, runtime::pid_hash> leaving; // and how often
  std::unordered_map<entry*, std::vector<std::pair<runtime::pid, std::uint32_t>>> found;
  for (const auto group : groups) {
    work_.add(group.size());
    if (const auto at = groups_.find(group); at != groups_.end()) ++named[&*at];
  }
  for (const auto& one : who) {
    work_.add();
    ++leaving[one];
  }
  for (const auto& [one, times] : leaving) {
    const auto mine = joined_.find(one);
    if (mine == joined_.end()) continue;
    for (entry* in : mine->second) {
      work_.add();
      const auto at = named.find(in);
      if (at == named.end()) continue;
      const std::uint64_t joins = in->second.members.at(one);
      found[in].emplace_back(one, static_cast<std::uint32_t>(std::min(joins, times * at->second)));
    }
  }
  std::vector<change> all;
  for (const auto& [in, left] : found) {
    change& made = all.emplace_back(change{in->first, {}});
    for (const auto& [one, times] : left) {
      made.who.insert(made.who.end(), times, one);
      leave(*in, one, times);
      work_.add();
    }
  }
  return all;
}

std::pair<std::vector<pg_groups::change>, std::vector<pg_groups::change>> pg_groups::replace(
    std::uint32_t node, const pg_groups& wanted) {
  std::vector<change> left;
  std::vector<change> joined;
  // Appends the processes of that node that `to` has more often than `from`.
  const auto more = [this, node](const entry& to, const membership* from) {
    work_.add(to.first.size());
    change made{to.first, {}};
    for (const auto& [who, times] : to.second.members) {
      work_.add();
      if (who.node != node) continue;
      const auto at = from == nullptr ? decltype(from->members.begin()){} : from->members.find(who);
      const std::uint32_t others = from == nullptr || at == from->members.end() ? 0 : at->second;
      if (times > others) made.who.insert(made.who.end(), times - others, who);
    }
    return made;
  };
  const auto in = [](const pg_groups& all, const std::string& group) {
    const auto at = all.groups_.find(group);
    return at == all.groups_.end() ? nullptr : &at->second;
  };
  std::unordered_set<const entry*> known;
  for (const auto& [who, groups] : joined_) {
    work_.add();
    if (who.node != node) continue;
    for (const entry* one : groups) {
      known.insert(one);
      work_.add();
    }
  }
  for (const entry* one : known)
    if (change made = more(*one, in(wanted, one->first)); !made.who.empty()) left.push_back(std::move(made));
  for (const entry& one : wanted.groups_)
    if (change made = more(one, in(*this, one.first)); !made.who.empty()) joined.push_back(std::move(made));
  for (const auto& [group, who] : left) leave(base::as_bytes(group), who);
  for (const auto& [group, who] : joined) join(base::as_bytes(group), who);
  return {std::move(left), std::move(joined)};
}

std::vector<std::pair<std::string, std::uint32_t>> pg_groups::leave_all(const runtime::pid& who) {
  std::vector<std::pair<std::string, std::uint32_t>> left;
  const auto mine = joined_.find(who);
  if (mine == joined_.end()) return left;
  for (entry* in : mine->second) {
    work_.add(in->first.size());
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
    work_.add();
    if (of == whose::all || who.here()) out.insert(out.end(), times, who);
  }
  return out;
}

std::vector<etf::bytes> pg_groups::groups(whose of) const {
  std::vector<etf::bytes> out;
  for (const auto& [name, in] : groups_) {
    work_.add();
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
    work_.add();
    if (who.node == node) out.push_back(who);
  }
  return out;
}

} // namespace coppice::services
