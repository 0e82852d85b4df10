// SPDX-License-Identifier: MIT
// The option `check`: at every so many serials the actor that applies hashes its state, the members tell each
// other the hashes, and a member whose state differs from that of the majority applies nothing any more. A
// member that is slower or was away is told what it missed, as long as the others still know it. In the
// process's own turn.
#include <fmt/format.h>

#include "base/log.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "consensus/wire.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

bool read_hash(etf::cursor& at, state_checks::hash& out) {
  std::uint64_t version = 0;
  std::uint64_t value = 0;
  if (!at.read_unsigned(out.serial) || !at.read_unsigned(version) || !at.read_unsigned(value) ||
      version > UINT32_MAX || value > UINT32_MAX)
    return false;
  out.version = static_cast<std::uint32_t>(version);
  out.value = static_cast<std::uint32_t>(value);
  return true;
}

} // namespace

// {Serial, Version, Hash}, of this member's actor.
void member::take_checked(process& self, etf::cursor at) {
  state_checks::hash own;
  if (!read_hash(at, own) || !has_machine()) return;
  checks_.note(self_, own);
  if (core_->members().find(self_) == nullptr) return;
  const message m = check_message(own, true);
  for (const consensus::member& one : core_->members().members())
    if (one.id != self_) send_to(self, one.address, m);
  judge_check(self, own.serial);
}

// {raft_check, Cluster, Member, Serial, Version, Hash, Asks}. Asks: whether the receiver has to send its
// own.
message member::check_message(const state_checks::hash& what, bool asks) const {
  message_writer out(96);
  out.tuple(7);
  out.atom(check_word);
  consensus::put_id(core_->cluster(), out);
  consensus::put_id(self_, out);
  out.unsigned_integer(what.serial);
  out.unsigned_integer(what.version);
  out.unsigned_integer(what.value);
  out.boolean(asks);
  return out.take();
}

void member::take_check(process& self, const message& m) {
  if (core_ == nullptr || options_->check == 0) return;
  etf::cursor at(m.bytes());
  consensus::cluster_id cluster;
  consensus::member_id of;
  state_checks::hash said;
  bool asks = false;
  if (!at.read_tuple_of(7) || !at.skip() || !consensus::read_id(at, cluster) || !consensus::read_id(at, of) ||
      !read_hash(at, said) || !at.read_bool(asks))
    return drop_message(self, "a hash of its state is malformed");
  const consensus::member* const from = core_->members().find(of);
  if (cluster != core_->cluster() || of == self_ || from == nullptr ||
      node_of(from->address) != origin_name(self))
    return drop_message(self, "a hash of a state comes from no member of the group");
  checks_.note(of, said);
  if (const state_checks::hash* const own = checks_.find(self_, said.serial); own != nullptr && asks)
    send_to(self, from->address, check_message(*own, false));
  judge_check(self, said.serial);
}

void member::judge_check(process& self, std::uint64_t serial) {
  const state_checks::verdict found = checks_.judge(core_->members(), self_, serial);
  if (found.undecided && std::exchange(undecided_at_, serial) != serial)
    base::log::error("raft", "{}: the states of the members differ at serial {}, and no majority is alike",
                     own_, serial);
  for (const consensus::member_id& id : found.others)
    if (std::exchange(named_at_[id], serial) != serial)
      base::log::error("raft", "{}: the state of {} differs from that of most members at serial {}", own_,
                       core_->members().find(id)->address, serial);
  std::erase_if(named_at_, [this](const auto& one) { return core_->members().find(one.first) == nullptr; });
  if (!found.differs || parked_for_ != parked::nothing) return;
  park(self, parked::differs, serial,
       fmt::format("applies nothing: its state differs from that of most members at serial {}", serial));
  // The actor's state is of no use any more. Another actor begins with a snapshot of the leader, if one
  // comes.
  if (!machine_) return;
  self.unlink(machine_);
  self.exit(machine_, runtime::reasons::kill());
  machine_ = {};
  machine_began_ = false;
  saving_ = false;
}

} // namespace coppice::behaviours::raft
