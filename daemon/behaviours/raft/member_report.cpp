// SPDX-License-Identifier: MIT
// What a member shows of itself. In the process's own turn.
#include <fmt/format.h>

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

// Why it does not do what members do. Empty: it does.
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
  if (no_snapshots_) return "could take no snapshot, so its log grows; the log file says why";
  return {};
}

// When a leader has heard of another member; of a quiescent one, when it has heard of that member's node.
base::nanos member::heard_at(const consensus::progress& of, const consensus::member& one) const {
  if (!core_->is_quiescent()) return of.heard;
  return std::max(of.heard, beats_->liveness().heard(node_of(one.address)));
}

// A map of role, quiescent, leader, term, committed, applied, serial, version, oldest, newest, waits_for,
// snapshot, log_bytes, clients, waiting, dropped, parked, why and members. `version` is the group's, as far
// as is committed; `oldest` and `newest` are the versions that this member's code knows; `waits_for` has the
// addresses of voters for which a leader waits with the next version. `members` are maps of address, role,
// id, match and heard_ms; match and heard_ms are what a leader knows.
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

} // namespace coppice::behaviours::raft
