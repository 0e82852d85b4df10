// SPDX-License-Identifier: MIT
// The state machine engine: OTP's gen_statem. The machine itself is coppice/statem_machine.hpp; here it gets
// its events, timers and replies, and what ends it becomes an exit reason. To everybody else it is a server:
// calls, casts, sys and the parent's exit are the server engine's. One engine a process; over a reload it
// stays, with the state, what is postponed and the time-outs. In the process's own turn.
//
// Most events are over when their callback has returned: their terms are lent by the message that arrived,
// and become the event's own if it is postponed. Most state and event time-outs are cancelled: their timer is
// left running, and serves the next one unless that is due before.
#pragma once

#include <array>
#include <coppice/statem_machine.hpp>
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
  // The port. What a callback says of its transition goes to transition(); an outcome that stops sends the
  // replies among that first. Nothing is sent after drop_transition().
  virtual runtime::outcome handle(runtime::process& self, const event& what,
                                  const runtime::message& state) = 0;
  virtual runtime::outcome enter(runtime::process& self, const runtime::message& old_state,
                                 const runtime::message& state) = 0;
  virtual bool enters() const = 0; // whether enter() is to be called
  // A postponed event was dropped, since as many waited as may.
  virtual void has_dropped() {}
  // The data as a term, for sys.
  virtual runtime::message sys_data(runtime::process& self) = 0;

  machine& transition() { return machine_; }
  const machine& now() const { return machine_; }
  // In init, once the callback has returned: whether what it said is a beginning. The first events come
  // after the spawner has heard of success.
  runtime::outcome start(runtime::process& self);
  // One event, and all that comes of it before the next message. Its terms are its own, or parts of `whole`.
  runtime::outcome take(runtime::process& self, event&& what, const runtime::message& whole = {});
  // What the server engine asks for, for who overrides it.
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
  // The timer of a state's or an event's time-out, which may be one that was cancelled.
  struct lasting_timer {
    std::uint64_t handle = 0; // 0: none runs
    base::nanos fires = 0;
    std::uint64_t serial = 0; // of the time-out that is set; 0: none is
    base::nanos due = 0;      // its
  };

  // A change of the state, for people.
  struct passed {
    runtime::message to;
    std::uint32_t type = 0; // of the event
    base::nanos at = 0;
  };
  static constexpr std::size_t kept_changes = 10;

  runtime::outcome run(runtime::process& self, machine::step next, const runtime::message& whole);
  void note_change(runtime::process& self, std::uint32_t type);
  void write_changes(runtime::process& self, runtime::message_writer& out) const;
  lasting_timer& lasting(std::uint32_t type) { return lasting_[type == COPPICE_EVENT_STATE_TIMEOUT ? 1 : 0]; }
  runtime::outcome lasting_fired(runtime::process& self, std::uint32_t type);
  base::nanos left_of(runtime::process& self, std::uint32_t type, const machine::timeout& one);
  runtime::message reason(runtime::process& self);

  machine machine_;
  lasting_timer lasting_[2];
  base::nanos since_ = 0;                                     // of the state
  std::unique_ptr<std::array<passed, kept_changes>> changes_; // the Nth at N modulo their number; null: none
};

} // namespace coppice::behaviours
