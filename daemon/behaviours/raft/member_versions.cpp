// SPDX-License-Identifier: MIT
// The versions of the machine. A member whose code does not know the group's version applies nothing and
// takes no snapshot. It stores and votes, and its actor keeps the state that it has, so that a reload with
// newer code goes on from there. In the process's own turn.
#include <fmt/format.h>

#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours::raft {

using consensus::entry_kind;
using consensus::machine_version;
using consensus::version_range;
using runtime::message_writer;
using runtime::process;

version_range member::known_versions() const {
  return progress_ == nullptr ? version_range() : progress_->versions.load(std::memory_order_relaxed);
}

void member::note_versions(process& self) {
  const version_range known = known_versions();
  core_->set_versions(self.now(), known, effects_);
  if (parked_for_ != parked::version || !machine_ || !known.has(parked_version_)) return;
  unpark();
  if (!machine_began_) return begin_machine(self);
  tell_all(self);
  if (leads_from_ == 0) tell_lead(self); // it may have led when it was told last
}

// A change of the version ends a batch, so that what the change brings about in the actor comes before the
// next entry.
std::size_t member::batch_length(std::span<const consensus::entry> entries, machine_version& lacking) const {
  const version_range known = known_versions();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const consensus::entry& one = entries[i];
    if (one.kind == entry_kind::version) {
      lacking = static_cast<machine_version>(one.sequence);
      return known.has(lacking) ? i + 1 : i;
    }
    lacking = machine_version_;
    // The group has no version, but the code has versions.
    if (one.kind == entry_kind::command && !known.has(machine_version_)) return i;
  }
  return entries.size();
}

void member::note_version_sent(machine_version to) {
  machine_version_ = to;
  // Before the first command there is no state worth a snapshot.
  if (!has_state_) saved_version_ = to;
}

void member::park_without(process& self, machine_version lacking) {
  parked_version_ = lacking;
  const version_range known = known_versions();
  park(self, parked::version, 0,
       fmt::format("applies nothing: its group has version {}, and its code knows {}", lacking,
                   known.oldest == known.newest
                       ? fmt::format("version {}", known.newest)
                       : fmt::format("versions {} to {}", known.oldest, known.newest)));
}

// [Address], of the voters whose code is waited for.
void member::write_waited_for(message_writer& out) const {
  std::vector<std::string_view> all;
  if (core_ != nullptr)
    for (const consensus::member_id& id : core_->waits_for())
      if (const consensus::member* const one = core_->members().find(id)) all.push_back(one->address);
  if (!all.empty()) out.list(static_cast<std::uint32_t>(all.size()));
  for (const std::string_view one : all) out.binary(one);
  out.nil();
}

// {error, {not_ready, [Address]}}. No address: no code knows a next version.
void member::refuse_upgrade(process& self, token of) {
  message_writer out(256);
  out.tuple(2);
  out.atom("not_ready");
  write_waited_for(out);
  answer(self, of, runtime::error_message(out.take()));
}

} // namespace coppice::behaviours::raft
