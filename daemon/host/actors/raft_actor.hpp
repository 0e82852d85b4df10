// SPDX-License-Identifier: MIT
// A plugin's replicated state machine over the callbacks of "coppice.raft/draft-3". The member of the group
// (behaviours/raft/member.hpp) starts it and sends it committed entries and queries; see
// behaviours/raft/machine_protocol.hpp. consensus/applied_commands.hpp decides here which commands are
// applied, and with which serial. Its state is a part of each snapshot, and so are the group's timers and
// monitors (behaviours/raft/group_effects.hpp). The state is written in the group's version, whatever the
// code's version is: see raft_actor_versions.cpp. In the process's own turn.
#pragma once

#include <coppice/draft/raft.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "behaviours/gen/server.hpp"
#include "behaviours/raft/effect_carrier.hpp"
#include "behaviours/raft/group_effects.hpp"
#include "behaviours/raft/machine_protocol.hpp"
#include "consensus/applied_commands.hpp"
#include "consensus/kept_replies.hpp"
#include "host/actors/plugin_actor.hpp"

namespace coppice::host {

struct raft_code final : actor_code {
  explicit raft_code(const coppice_actor_type& type);
  const coppice_raft callbacks;
  const consensus::version_range versions; // the versions that it knows
};

class raft_actor final : public behaviours::server, public plugin_actor, public behaviours::raft::machine {
 public:
  using code_type = raft_code;

  explicit raft_actor(actor_plan&& plan);

  runtime::outcome init(runtime::process& self) override;
  void terminate(runtime::process&, const runtime::message& reason) override { end(reason); }
  void describe(runtime::description& out) const override { describe_to(out); }
  behaviours::stream_taker* as_stream_taker() override { return this; }
  std::shared_ptr<const behaviours::raft::machine_progress> progress() const override { return progress_; }

  // From reloadable. The state goes over in the group's version. errc::refused also: the code does not know
  // it.
  base::result<saved_state> save(runtime::process& self) override;
  base::status prepare(runtime::process& self, plugin_image& next, const actor_code& later,
                       const saved_state& saved) override;
  void go_over(runtime::process& self) override;

 private:
  // An entry of {apply, Entries}, a part of its message.
  struct given_entry {
    consensus::log_index index = 0;
    consensus::entry about; // without the body of a command
    bool wanted = false;
    etf::bytes body;
  };

  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::outcome take_io(runtime::process&) override { return plugin_actor::take_io(); }
  runtime::outcome take_continue(runtime::process&) override { return go_on(); }
  runtime::outcome take_config(runtime::process& self, const runtime::message& from,
                               behaviours::config_change to) override {
    return change_config(self, from, std::move(to));
  }
  runtime::message sys_state(runtime::process&) override { return shown_state(); }
  std::string sys_module() const override { return identity().actor; }
  runtime::message state_for_people(runtime::process&) override { return state_to_show(); }
  void go_on_first(runtime::process& self) override { continue_first(self); }

  runtime::outcome take_order(runtime::process& self, const runtime::message& m, etf::cursor at);
  runtime::outcome take_first(runtime::process& self, const runtime::message& m, etf::cursor at);
  runtime::outcome take_skip(etf::cursor at);
  runtime::outcome take_entries(runtime::process& self, const runtime::message& m, etf::cursor at);
  static bool read_entry(etf::cursor& at, given_entry& out);
  runtime::outcome take_lead(runtime::process& self, etf::cursor at);
  // `answer`: for the caller. None: the entry is no command.
  runtime::outcome take_entry(runtime::process& self, const runtime::message& m, const given_entry& one,
                              runtime::message& answer);
  runtime::outcome apply(const runtime::message& m, const given_entry& one, std::uint64_t serial,
                         runtime::message& answer);
  // The entry changes the group's version.
  runtime::outcome take_version(runtime::process& self, std::uint64_t to);
  base::result<saved_state> save_as(runtime::process& self, consensus::machine_version version);
  base::status go_over_to(runtime::process& self, consensus::machine_version version);
  coppice_entry about_entry(std::uint64_t serial) const; // without time and random number
  void keep_reply(const given_entry& one, std::uint64_t serial, const runtime::message& answer);
  // The outcome of a timer or a monitor that the entry brings. Empty: it brings none.
  static std::optional<behaviours::raft::group_effects::came_entry> came_of(const given_entry& one);
  runtime::outcome apply_came(const behaviours::raft::group_effects::came_entry& one, std::uint64_t serial);
  // Calls a callback that may note effects, and keeps these unless it discards the entry.
  template <class Callback>
  std::int32_t noting(looking what, const coppice_entry& about, Callback callback);
  runtime::outcome take_query(runtime::process& self, const runtime::message& m, etf::cursor at);
  void take_get(runtime::process& self, etf::cursor at);
  runtime::outcome take_validate(runtime::process& self, const runtime::message& m, etf::cursor at);
  void take_save(runtime::process& self);
  void say_hash(runtime::process& self);
  runtime::outcome tell(const runtime::message& m, std::string_view word, etf::cursor at);
  // {error, {discarded, Reason}}; if the serial is not 0, with the serial.
  runtime::message discarded(std::int32_t status, std::uint64_t serial);
  void say(runtime::process& self, runtime::message_writer& out);
  void begin_saying(runtime::message_writer& out) const;
  // {queried, Token, Answer} or {validated, Token, Answer}
  void say_answer(runtime::process& self, std::string_view word, std::uint64_t of,
                  const runtime::message& answer);
  // A callback's term. None: nothing was written, or it failed.
  template <class Callback>
  std::int32_t asked(looking what, runtime::message& out, Callback callback);

  raft_actor(std::optional<consensus::machine_version> tried, actor_plan&& plan);

  const raft_code& code() const { return static_cast<const raft_code&>(running()); }
  const coppice_raft& callbacks() const { return code().callbacks; }
  // Notes what the member has to know about the code, which a reload can change.
  void note_code();

  const std::shared_ptr<behaviours::raft::machine_progress> progress_ =
      std::make_shared<behaviours::raft::machine_progress>();
  std::uint64_t run_ = 0;     // of the member's orders
  std::uint64_t check_ = 0;   // commands between two hashes of the state. 0: none is made
  bool told_no_hash_ = false; // it was logged that there can be none
  consensus::applied_commands commands_;
  consensus::kept_replies replies_;
  std::uint64_t began_at_ = 0; // the serial of the state with which it began
  // The group's version, by which the next entry is applied. Empty: the member has not begun it.
  std::optional<consensus::machine_version> version_;
  std::optional<consensus::machine_version> tried_; // of the state that a reload tries; empty: no reload
  behaviours::raft::group_effects effects_;
  behaviours::raft::effect_carrier carrier_;
};

} // namespace coppice::host
