// SPDX-License-Identifier: MIT
// Compares hashes of members' states at the same serials, and says which member differs from the majority of
// voters. A few serials of each member are kept, so a member that sends wrong or invented hashes only pushes
// out its own. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "consensus/types.hpp"

namespace coppice::behaviours::raft {

class state_checks {
 public:
  struct hash {
    std::uint64_t serial = 0;
    std::uint32_t version = 0; // of the state's form: only states of one version are compared
    std::uint32_t value = 0;
    bool operator==(const hash&) const = default;
  };
  static constexpr std::size_t kept = 4; // serials of each member

  // Keeps the newest hash of a member; it replaces an earlier hash of the same serial.
  void note(const consensus::member_id& of, const hash& what);
  // Hashes of that serial and of later ones are forgotten: the group passes over the command, so a member
  // that has applied it has told hashes of a state that the group never has.
  void forget_from(std::uint64_t serial);
  // Null: not known, or no longer.
  const hash* find(const consensus::member_id& of, std::uint64_t serial) const;

  struct verdict {
    bool differs = false;                       // this member's state differs from that of the majority
    std::vector<consensus::member_id> others{}; // members whose states do
    bool undecided = false; // all voters have told a hash, they differ, and no majority agrees
  };
  // `self` must have noted its own hash; else nothing is said. Hashes of former members are forgotten.
  verdict judge(const consensus::configuration& members, const consensus::member_id& self,
                std::uint64_t serial);

 private:
  std::map<consensus::member_id, std::deque<hash>> by_member_;
};

} // namespace coppice::behaviours::raft
