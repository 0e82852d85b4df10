// SPDX-License-Identifier: MIT
// See state_checks.hpp.
#include "behaviours/raft/state_checks.hpp"

#include <algorithm>

namespace coppice::behaviours::raft {

void state_checks::note(const consensus::member_id& of, const hash& what) {
  std::deque<hash>& all = by_member_[of];
  std::erase_if(all, [&](const hash& one) { return one.serial == what.serial; });
  all.push_back(what);
  if (all.size() > kept) all.pop_front();
}

void state_checks::forget_from(std::uint64_t serial) {
  for (auto& [of, all] : by_member_)
    std::erase_if(all, [&](const hash& one) { return one.serial >= serial; });
}

const state_checks::hash* state_checks::find(const consensus::member_id& of, std::uint64_t serial) const {
  const auto found = by_member_.find(of);
  if (found == by_member_.end()) return nullptr;
  const auto one = std::ranges::find(found->second, serial, &hash::serial);
  return one == found->second.end() ? nullptr : &*one;
}

state_checks::verdict state_checks::judge(const consensus::configuration& members,
                                          const consensus::member_id& self, std::uint64_t serial) {
  std::erase_if(by_member_, [&](const auto& one) { return members.find(one.first) == nullptr; });
  verdict out;
  const hash* const own = find(self, serial);
  if (own == nullptr) return out;
  std::map<std::uint32_t, std::size_t> votes;
  std::size_t heard = 0;
  for (const consensus::member& one : members.members()) {
    const hash* const said = find(one.id, serial);
    if (!members.votes(one.id) || said == nullptr || said->version != own->version) continue;
    ++votes[said->value];
    ++heard;
  }
  const auto most =
      std::ranges::find_if(votes, [&](const auto& one) { return one.second >= members.majority(); });
  if (most == votes.end()) {
    out.undecided = heard == members.voters() && votes.size() > 1;
    return out;
  }
  out.differs = own->value != most->first;
  for (const consensus::member& one : members.members()) {
    const hash* const said = one.id == self ? nullptr : find(one.id, serial);
    if (said != nullptr && said->version == own->version && said->value != most->first)
      out.others.push_back(one.id);
  }
  return out;
}

} // namespace coppice::behaviours::raft
