// SPDX-License-Identifier: MIT
// The versions of a replicated state machine. Its state is written in the group's version: by save_state if
// that is the code's newest version, else by `save`. At an entry that changes the version, the state is
// written in the new version and restored from that. So it is the same as in a member that begins with a
// later snapshot. In the process's own turn.
#include <fmt/format.h>

#include "host/actors/raft_actor.hpp"

namespace coppice::host {

using consensus::machine_version;
using consensus::version_range;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;
namespace raft = behaviours::raft;

namespace {

// errc::refused: the code does not know that version.
base::status knows(const version_range& code, machine_version version) {
  if (code.has(version)) return {};
  return base::fail(base::errc::refused,
                    fmt::format("its group has version {}, and it knows the versions {} to {}", version,
                                code.oldest, code.newest));
}

outcome stop_for(std::string_view text) {
  message_writer why;
  why.binary(text);
  return runtime::stop(why.take());
}

} // namespace

// A reload tries, in another process, whether this code takes a state and can write one of that version.
outcome raft_actor::init(process& self) {
  if (!tried_) return begin(self);
  if (auto known = knows(code().versions, *tried_); !known) return stop_for(known.error().text);
  outcome begun = begin(self);
  if (begun.what() != outcome::kind::ignore) return begun;
  if (auto again = save_as(self, *tried_); !again) return stop_for(again.error().text);
  return begun;
}

coppice_entry raft_actor::about_entry(std::uint64_t serial) const {
  coppice_entry about{};
  about.size = sizeof about;
  about.version = version_.value_or(0);
  about.serial = serial;
  return about;
}

// A group that has not had a leader yet has no version.
base::result<saved_state> raft_actor::save(process& self) {
  const bool has_none = !version_ || (*version_ == 0 && commands_.serial() == 0);
  return has_none ? plugin_actor::save(self) : save_as(self, *version_);
}

base::result<saved_state> raft_actor::save_as(process& self, machine_version version) {
  if (version != code().state_version && callbacks().save != nullptr)
    return saved_by(self, looking::save, version, [&](std::uint32_t*, coppice_writer* to) {
      return callbacks().save(&actor(), state(), version, to);
    });
  auto saved = plugin_actor::save(self);
  if (!saved) return saved;
  if (!saved->term) saved->version = version; // there is no state, which is the same in every version
  if (saved->version != version)
    return base::fail(base::errc::refused,
                      fmt::format("its save_state wrote version {} of its state, and its group has {}",
                                  saved->version, version));
  return saved;
}

base::status raft_actor::prepare(process& self, plugin_image& next, const actor_code& later,
                                 const saved_state& saved) {
  if (auto possible = takes_over(identity(), later, bool{saved.term}); !possible) return possible;
  if (auto known = knows(static_cast<const raft_code&>(later).versions, saved.version); !known) return known;
  return plugin_actor::prepare(self, next, later, saved);
}

void raft_actor::go_over(process& self) {
  plugin_actor::go_over(self);
  note_code();
  message_writer out(32);
  begin_saying(out);
  out.tuple(1);
  out.atom(raft::code_word);
  say(self, out);
}

outcome raft_actor::take_version(process& self, std::uint64_t to) {
  const auto version = static_cast<machine_version>(to);
  base::status done = knows(code().versions, version);
  // Before the first command nothing would be written differently.
  if (done && commands_.serial() != 0) done = go_over_to(self, version);
  if (!done) {
    message_writer why;
    why.tuple(2);
    why.atom(raft::bad_version_reason);
    why.binary(done.error().text);
    return runtime::stop(why.take());
  }
  version_ = version;
  return runtime::carry_on();
}

base::status raft_actor::go_over_to(process& self, machine_version version) {
  auto saved = save_as(self, version);
  if (!saved) return unexpected(saved.error());
  if (!saved->term) return {};
  if (auto made = prepare(self, *actor().image.get(), running(), *saved); !made) return made;
  go_over(self);
  return {};
}

} // namespace coppice::host
