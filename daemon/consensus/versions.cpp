// SPDX-License-Identifier: MIT
// The group's machine version. The leader logs the next version once the code of every voter can go over to
// it, one version after the other. A voter's code is known from its answers to the heartbeats of this term. A
// new group begins with the oldest version that its first leader knows, so that members with older code can
// take part; if all members have the same code, the newest version follows at once. One thread at a time.
#include <algorithm>

#include "consensus/core.hpp"

namespace coppice::consensus {

void core::set_versions(nanos now, const version_range& known, effects& out) {
  enter(now);
  if (known == versions_) return;
  versions_ = known;
  end_quiescence(now_, true, out); // a follower tells its leader the versions
  advance_version(out);
}

// Commands that were applied before have no version, so only a log without commands gets its first version.
void core::begin_version(effects& out) {
  if (log_.version() != 0 || versions_.oldest == 0 || log_.base() != 0) return;
  for (log_index i = 1; i <= log_.last(); ++i) {
    const entry_kind kind = log_.at(i).kind;
    if (kind != entry_kind::no_op && kind != entry_kind::configuration) return;
  }
  append_version(versions_.oldest, out);
}

void core::append_version(machine_version next, effects& out) {
  entry made;
  made.kind = entry_kind::version;
  made.sequence = next;
  append_own(std::move(made), out);
}

std::vector<member_id> core::unready_voters() const {
  std::vector<member_id> made;
  if (members().votes(options_.self) && !is_ready(versions_)) made.push_back(options_.self);
  for (const progress& one : others_)
    if (one.votes() && !is_ready(one.versions)) made.push_back(one.id);
  return made;
}

std::vector<member_id> core::waits_for() const {
  if (role_ != role::leader) return {};
  std::vector<member_id> made = unready_voters();
  if (made.size() == members().voters()) made.clear();
  return made;
}

// The version before has to be committed, so that a leader counts no code for a version that may be undone.
bool core::may_upgrade() const {
  return role_ == role::leader && !handing_over_ && established() && log_.version_at() <= commit_;
}

void core::advance_version(effects& out) {
  const bool ready = is_ready(versions_) || !members().votes(options_.self);
  if (!ready || !may_upgrade() || !unready_voters().empty()) return;
  append_version(log_.version() + 1, out);
  replicate_all(out);
}

void core::upgrade(nanos now, std::uint64_t token, const member_id& without, effects& out) {
  enter(now);
  const auto refuse = [&](outcome why) { out.answers.push_back({token, why, 0, leader_}); };
  if (role_ != role::leader) return refuse(outcome::no_leader);
  if (handing_over_) return refuse(outcome::transferring);
  end_quiescence(now_, true, out);
  if (!may_upgrade()) return refuse(outcome::busy);
  if (!members().votes(without)) return refuse(outcome::invalid);
  const std::vector<member_id> unready = unready_voters();
  const bool others_wait =
      std::any_of(unready.begin(), unready.end(), [&](const member_id& one) { return one != without; });
  // Where the code of no voter is newer, there is no next version.
  if (others_wait || unready.size() == members().voters()) return refuse(outcome::not_ready);
  append_version(log_.version() + 1, out);
  waiting_.push_back({log_.last(), token});
  replicate_all(out);
}

} // namespace coppice::consensus
