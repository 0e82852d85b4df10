// SPDX-License-Identifier: MIT
// What a member shows of itself. In the process's own turn.
#include <fmt/format.h>

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

void number(message_writer& out, std::string_view key, std::uint64_t value) {
  out.atom(key);
  out.unsigned_integer(value);
}

void word(message_writer& out, std::string_view key, std::string_view value) {
  out.atom(key);
  out.binary(value);
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

// A map of role, leader, term, committed, applied, serial, snapshot, log_bytes, clients, waiting, dropped,
// parked, why and members: maps of address, role, id, match and heard_ms; match and heard_ms are what a
// leader knows.
message member::engine_for_people(process& self) {
  message_writer out(1024);
  const bool runs = core_ != nullptr;
  const bool leads = runs && core_->what() == consensus::role::leader;
  const consensus::member* const leader = runs ? core_->members().find(core_->leader()) : nullptr;
  std::string why = parked_why_;
  if (!runs && meeting_) {
    why = "waits for";
    for (const std::string& one : meeting_->missing()) why += " " + one;
    if (options_->members.empty()) why = "waits for a member that it asks to join";
  } else if (runs && core_->members().find(self_) == nullptr) {
    why = fmt::format("is no member: coppice raft {} add {} makes it one", of_.child->name, own_);
  }
  out.map(14);
  word(out, "role", runs ? text(core_->what()) : "beginning");
  word(out, "leader", leader == nullptr ? std::string_view() : std::string_view(leader->address));
  number(out, "term", runs ? core_->term() : 0);
  number(out, "committed", runs ? core_->commit() : 0);
  number(out, "applied", applied_);
  number(out, "serial", serial_);
  number(out, "snapshot", runs ? core_->snapshot().index : 0);
  number(out, "log_bytes", runs ? core_->log().bytes() : 0);
  number(out, "clients", sessions_);
  number(out, "waiting", waiting_.size());
  number(out, "dropped", counters_->dropped.value());
  number(out, "parked", parked_);
  word(out, "why", why);
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
          heard = static_cast<std::uint64_t>((self.now() - each.heard) / base::nanos_per_ms);
        }
    out.map(5);
    word(out, "address", one.address);
    word(out, "role", text(one.role));
    word(out, "id", fmt::format("{:016x}{:016x}", one.id.high, one.id.low));
    number(out, "match", match);
    number(out, "heard_ms", heard);
  }
  out.nil();
  return out.take();
}

} // namespace coppice::behaviours::raft
