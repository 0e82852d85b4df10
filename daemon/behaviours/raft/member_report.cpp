// SPDX-License-Identifier: MIT
// The reports and counters of a member. In the process's own turn.
#include <fmt/format.h>

#include "base/log.hpp"
#include "behaviours/gen/report_fields.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

std::string_view text(consensus::role of) {
  constexpr std::array<std::string_view, 4> words{"follower", "candidate", "candidate", "leader"};
  return words[static_cast<std::size_t>(of)];
}

std::string_view text(consensus::member_role of) {
  constexpr std::array<std::string_view, 3> words{"voter", "learner", "joining"};
  return words[static_cast<std::size_t>(of)];
}

} // namespace

void member::write_members(etf::writer& out) const {
  const auto& all = core_ == nullptr ? told_members_.members() : core_->members().members();
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const consensus::member& one : all) {
    out.tuple(2);
    write_address(out, one.address);
    out.atom(text(one.role));
  }
  out.nil();
}

// Why the member does not do its work. Empty: it does.
std::string member::why_idle() const {
  const std::string& group = of_.child->name;
  if (phase_ == phase::stopped) return "stands still until its node starts anew: " + stopped_why_;
  if (phase_ == phase::again) return "begins again with what its disk has: " + again_why_;
  if (core_ == nullptr && options_->members.empty())
    return fmt::format("waits for a member to answer it: coppice raft {} add {} at the group makes it one",
                       group, own_);
  if (core_ == nullptr) {
    std::string why = "waits for";
    if (meeting_)
      for (const std::string& one : meeting_->missing()) why += " " + one;
    return why;
  }
  const consensus::member* const here = core_->members().find(self_);
  if (here == nullptr) return fmt::format("is no member: coppice raft {} add {} makes it one", group, own_);
  if (here->address != own_)
    return fmt::format(
        "the group knows it as {}, where nobody finds it: it has to run there, or an emptied "
        "disk has to be added in its place",
        here->address);
  if (parked_for_ == parked::snapshot) return "applies nothing: its snapshot is of no use: " + parked_why_;
  if (parked_for_ != parked::nothing) return parked_why_;
  if (too_large_snapshot_ != 0)
    return fmt::format(
        "cannot catch up: its leader's snapshot has {} bytes, and {} are the most here: {}; with a higher "
        "bound in the configuration it takes it once its node starts anew",
        too_large_snapshot_, largest_state_.bytes, largest_state_.by);
  if (too_large_state_ != 0)
    return fmt::format(
        "can take no snapshot, so its log grows: its state has {} bytes, and {} are the most: {}",
        too_large_state_, largest_state_.bytes, largest_state_.by);
  if (no_snapshots_) return "could take no snapshot, so its log grows; the log file says why";
  return {};
}

// When a leader last heard from another member. If the leader is quiescent: when it last heard from that
// member's node.
base::nanos member::heard_at(const consensus::progress& of, const consensus::member& one) const {
  if (!core_->is_quiescent()) return of.heard;
  return std::max(of.heard, beats_->liveness().heard(node_of(one.address)));
}

// A map of role, quiescent, leader, term, committed, applied, serial, version, oldest, newest, waits_for,
// snapshot, log_bytes, clients, waiting, dropped, parked, why and members. `version` is the group's, as far
// as is committed; `oldest` and `newest` are the versions that this member's code knows; `waits_for` has the
// addresses of voters for which a leader waits with the next version. `members` are maps of address, role,
// id, match and heard_ms; only a leader knows match and heard_ms.
message member::engine_for_people(process& self) {
  message_writer out(1024);
  const bool runs = core_ != nullptr;
  const bool leads = runs && core_->what() == consensus::role::leader;
  const consensus::member* const leader = runs ? core_->members().find(core_->leader()) : nullptr;
  const std::string why = why_idle();
  out.map(19);
  report::text(out, "role", runs ? text(core_->what()) : "beginning");
  report::flag(out, "quiescent", runs && core_->is_quiescent());
  report::text(out, "leader", leader == nullptr ? std::string_view() : std::string_view(leader->address));
  report::number(out, "term", runs ? core_->term() : 0);
  report::number(out, "committed", runs ? core_->commit() : 0);
  report::number(out, "applied", applied_);
  report::number(out, "serial", serial_);
  const consensus::version_range known = known_versions();
  report::number(out, "version", runs ? core_->log().version_as_of(core_->commit()) : 0);
  report::number(out, "oldest", known.oldest);
  report::number(out, "newest", known.newest);
  out.atom("waits_for");
  write_waited_for(out);
  report::number(out, "snapshot", runs ? core_->snapshot().index : 0);
  report::number(out, "log_bytes", runs ? core_->log().bytes() : 0);
  report::number(out, "clients", sessions_);
  report::number(out, "waiting", waiting_.size());
  report::number(out, "dropped", counters_->dropped.value());
  report::number(out, "parked", parked_);
  report::text(out, "why", why);
  out.atom("members");
  const auto& all = runs ? core_->members().members() : told_members_.members();
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const consensus::member& one : all) {
    std::uint64_t match = one.id == self_ && runs ? core_->on_disk() : 0;
    std::uint64_t heard = 0;
    if (leads)
      for (const consensus::progress& each : core_->others())
        if (each.id == one.id) {
          match = each.match;
          heard = static_cast<std::uint64_t>((self.now() - heard_at(each, one)) / base::nanos_per_ms);
        }
    out.map(5);
    report::text(out, "address", one.address);
    report::text(out, "role", text(one.role));
    report::text(out, "id", fmt::format("{:016x}{:016x}", one.id.high, one.id.low));
    report::number(out, "match", match);
    report::number(out, "heard_ms", heard);
  }
  out.nil();
  return out.take();
}

void member::note_lost(const consensus::lost_entry& what) const {
  const consensus::member* const by = core_->members().find(what.by);
  base::log::warning(
      "raft",
      "{}: {} lacks entry {}, which it has acknowledged, and gets it again: its disk is an older "
      "copy, or loses what was synced",
      own_, by == nullptr ? std::string("a member") : by->address, what.index);
}

void member::note_slow_write(base::nanos took, base::nanos now) {
  const auto last = static_cast<base::nanos>(counters_->slow_write_at.value());
  const bool is_old = last == 0 || now - last > slow_write_shown;
  const auto longest = static_cast<base::nanos>(counters_->slow_write.value());
  counters_->slow_write.set(static_cast<std::uint64_t>(is_old ? took : std::max(took, longest)));
  counters_->slow_write_at.set(static_cast<std::uint64_t>(now));
}

void member::note_waiting(base::nanos now) {
  const bool waits = parked_for_ == parked::nothing && applied_ < may_apply_;
  if (!waits)
    waits_since_ = 0;
  else if (waits_since_ == 0 || applied_ != applied_then_)
    waits_since_ = now;
  applied_then_ = applied_;
}

void member::publish() {
  if (core_ != nullptr && core_->commit() > dropped_snapshot_at_) too_large_snapshot_ = 0; // it catches up
  enter_lead();
  counters_->leaderless_since.set(static_cast<std::uint64_t>(leaderless_since_));
  counters_->parked_at.set(parked_for_ == parked::command ? parked_ : 0);
  counters_->differs_at.set(parked_for_ == parked::differs ? parked_ : 0);
  counters_->bad_snapshot.set(parked_for_ == parked::snapshot ? 1 : 0);
  counters_->no_snapshots.set(no_snapshots_ ? 1 : 0);
  counters_->too_large_state.set(too_large_state_);
  counters_->too_large_snapshot.set(too_large_snapshot_);
  counters_->largest_state.set(largest_state_.bytes);
  counters_->lacks_version.set(parked_for_ == parked::version ? std::uint64_t{parked_version_} + 1 : 0);
  counters_->stopped.set(phase_ == phase::stopped ? 1 : 0);
  counters_->waits_since.set(static_cast<std::uint64_t>(core_ == nullptr ? 0 : waits_since_));
  if (core_ == nullptr) return;
  const bool leads = core_->what() == consensus::role::leader;
  counters_->quiescent.set(core_->is_quiescent() ? 1 : 0);
  counters_->term.set(core_->term());
  counters_->role.set(leads ? 2 : core_->what() == consensus::role::follower ? 0 : 1);
  counters_->committed.set(core_->commit());
  counters_->applied.set(applied_);
  counters_->log_bytes.set(core_->log().bytes());
  const std::uint64_t stood = core_->counted().elections;
  if (stood > elections_before_) counters_->elections.add_alone(stood - elections_before_);
  elections_before_ = stood;
  std::uint64_t dropped = 0;
  for (const std::uint64_t one : core_->counted().dropped) dropped += one;
  if (dropped > dropped_before_) counters_->dropped.add_alone(dropped - dropped_before_);
  dropped_before_ = dropped;
  counters_->clients.set(sessions_);
}

} // namespace coppice::behaviours::raft
