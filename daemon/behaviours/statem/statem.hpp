// SPDX-License-Identifier: MIT
// The state machine engine: OTP's gen_statem. The machine itself is coppice/detail/statem_machine.hpp; this
// engine gives it events, timers and replies, and turns its end into an exit reason. Other processes see a
// server: the server engine handles calls, casts, sys and the parent's exit. Each process has one engine.
// Over a reload it keeps the state, the postponed events and the time-outs. In the process's own turn.
//
// Most events are handled before their callback returns. So the message lends its terms to the event, which
// copies them only when it is postponed. Most state and event time-outs are cancelled. So their timer is left
// running, and serves the next time-out unless that is due earlier.
#pragma once

#include <array>
#include <coppice/detail/statem_machine.hpp>
#include <memory>
#include <string_view>

#include "behaviours/gen/server.hpp"

namespace coppice::behaviours {

class statem : public server {
 public:
  using machine = statem_machine<runtime::message>;
  using event = machine::event;
  using action = machine::action;

 protected:
  // The functions that a derived class implements. A callback reports its transition to transition(). An
  // outcome that stops first sends the transition's replies; after drop_transition() nothing is sent.
  virtual runtime::outcome handle(runtime::process& self, const event& what,
                                  const runtime::message& state) = 0;
  virtual runtime::outcome enter(runtime::process& self, const runtime::message& old_state,
                                 const runtime::message& state) = 0;
  virtual bool enters() const = 0; // whether enter() is called
  // A postponed event was dropped, because as many as may were waiting.
  virtual void has_dropped() {}
  // The data as a term, for sys.
  virtual runtime::message sys_data(runtime::process& self) = 0;

  machine& transition() { return machine_; }
  const machine& now() const { return machine_; }
  // Called in init, once the callback has returned: whether its report is a valid beginning. The first events
  // come after the spawner was told of the successful start.
  runtime::outcome start(runtime::process& self);
  // Handles one event and all that follows from it before the next message. Its terms are its own, or parts
  // of `whole`.
  runtime::outcome take(runtime::process& self, event&& what, const runtime::message& whole = {});
  // For the server engine; a derived class may override them.
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process& self, const runtime::message& whole,
                             etf::bytes request) override;
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::outcome take_continue(runtime::process& self) override;
  runtime::message sys_state(runtime::process& self) final;
  std::string_view sys_engine() const final { return "gen_statem"; }
  runtime::message sys_misc(runtime::process& self, bool suspended) final;
  // A map of state, previous, since_ms, changes, queued, postponed, timeouts and transitions.
  runtime::message engine_for_people(runtime::process& self) override;

 private:
  class world;
  // The timer of a state or event time-out. That time-out may be cancelled while the timer runs.
  struct lasting_timer {
    std::uint64_t handle = 0; // 0: no timer runs
    base::nanos fires = 0;
    std::uint64_t serial = 0; // of the time-out that is set. 0: none
    base::nanos due = 0;      // deadline of the time-out
  };

  // A past change of the state, shown to people.
  struct passed {
    runtime::message to;
    std::uint32_t type = 0; // of the event that caused it
    base::nanos at = 0;
  };
  static constexpr std::size_t kept_changes = 10;

  runtime::outcome run(runtime::process& self, machine::step next, const runtime::message& whole);
  void note_change(runtime::process& self, std::uint32_t type);
  void write_changes(runtime::process& self, runtime::message_writer& out) const;
  lasting_timer& lasting(std::uint32_t type) {
    return lasting_[type == COPPICE_STATEM_EVENT_STATE_TIMEOUT ? 1 : 0];
  }
  runtime::outcome lasting_fired(runtime::process& self, std::uint32_t type);
  base::nanos left_of(runtime::process& self, std::uint32_t type, const machine::timeout& one);
  runtime::message reason(runtime::process& self);

  machine machine_;
  lasting_timer lasting_[2];
  base::nanos since_ = 0; // when the machine entered its state
  // The Nth change is at N modulo their number. Null: none yet.
  std::unique_ptr<std::array<passed, kept_changes>> changes_;
};

} // namespace coppice::behaviours
