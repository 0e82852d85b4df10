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

const pg_groups::in_groups* pg_groups::groups_in(const runtime::pid& who) const {
  const auto there = joined_.find(who.node);
  if (there == joined_.end()) return nullptr;
  const auto mine = there->second.find(who);
  return mine == there->second.end() ? nullptr : &mine->second;
}

void pg_groups::forget(const runtime::pid& who) {
  const auto there = joined_.find(who.node);
  there->second.erase(who);
  if (there->second.empty()) joined_.erase(there);
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
  joined_[who.node][who].insert(&in);
}

void pg_groups::join(etf::bytes group, std::span<const runtime::pid> who) {
  if (who.empty()) return;
  count_look_up(group.size());
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
  in_groups& mine = joined_.at(who.node).at(who);
  mine.erase(&in);
  if (mine.empty()) forget(who);
  remove(in, who);
}

pg_groups::pids pg_groups::leave(etf::bytes group, std::span<const runtime::pid> who) {
  pids left;
  count_look_up(group.size());
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
    count_look_up(group.size());
    if (const auto at = groups_.find(group); at != groups_.end()) ++named[&*at];
  }
  for (const auto& one : who) {
    work_.add();
    ++leaving[one];
  }
  for (const auto& [one, times] : leaving) {
    const in_groups* const mine = groups_in(one);
    if (mine == nullptr) continue;
    for (entry* in : *mine) {
      work_.add();
      const auto at = named.find(in);
      if (at == named.end()) continue;
      const std::uint64_t joins = in->second.members.at(one);
      found[in].emplace_back(one, static_cast<std::uint32_t>(std::min(joins, times * at->second)));
    }
  }
  std::vector<change> all;
  for (const auto& [in, left] : found) {
    count_look_up(in->first.size()); // of a group that is removed
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
  // Appends a process as many times as it has joined more often than in `from`.
  const auto add_more = [this](change& made, const runtime::pid& who, std::uint32_t times,
                               const membership* from) {
    work_.add();
    const auto at = from == nullptr ? decltype(from->members.begin()){} : from->members.find(who);
    const std::uint32_t others = from == nullptr || at == from->members.end() ? 0 : at->second;
    if (times > others) made.who.insert(made.who.end(), times - others, who);
  };
  const auto in = [](const pg_groups& all, const std::string& group) {
    const auto at = all.groups_.find(group);
    return at == all.groups_.end() ? nullptr : &at->second;
  };
  std::unordered_map<const entry*, pids> known; // the node's processes in each group, and no other's
  if (const auto there = joined_.find(node); there != joined_.end()) {
    for (const auto& [who, groups] : there->second) {
      for (const entry* one : groups) {
        known[one].push_back(who);
        work_.add();
      }
    }
  }
  for (const auto& [one, members] : known) {
    count_look_up(one->first.size());
    const membership* const kept = in(wanted, one->first);
    change made{one->first, {}};
    for (const auto& who : members) add_more(made, who, one->second.members.at(who), kept);
    if (!made.who.empty()) left.push_back(std::move(made));
  }
  for (const entry& one : wanted.groups_) {
    count_look_up(one.first.size());
    const membership* const before = in(*this, one.first);
    change made{one.first, {}};
    for (const auto& [who, times] : one.second.members) add_more(made, who, times, before);
    if (!made.who.empty()) joined.push_back(std::move(made));
  }
  for (const auto& [group, who] : left) leave(base::as_bytes(group), who);
  for (const auto& [group, who] : joined) join(base::as_bytes(group), who);
  return {std::move(left), std::move(joined)};
}

std::vector<std::pair<std::string, std::uint32_t>> pg_groups::leave_all(const runtime::pid& who) {
  std::vector<std::pair<std::string, std::uint32_t>> left;
  const in_groups* const mine = groups_in(who);
  if (mine == nullptr) return left;
  for (entry* in : *mine) {
    count_look_up(in->first.size());
    const std::uint32_t times = in->second.members.at(who);
    left.emplace_back(in->first, times);
    at_node_.remove(who.node, times);
    remove(*in, who);
  }
  forget(who);
  return left;
}

std::vector<runtime::pid> pg_groups::members(etf::bytes group, whose of) const {
  std::vector<runtime::pid> out;
  count_look_up(group.size());
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
  const in_groups* const mine = groups_in(who);
  if (mine == nullptr) return out;
  for (const entry* in : *mine) out.emplace_back(base::as_bytes(in->first), in->second.members.at(who));
  return out;
}

std::vector<runtime::pid> pg_groups::of_node(std::uint32_t node) const {
  std::vector<runtime::pid> out;
  const auto there = joined_.find(node);
  if (there == joined_.end()) return out;
  for (const auto& [who, in] : there->second) {
    work_.add();
    out.push_back(who);
  }
  return out;
}

} // namespace coppice::services
