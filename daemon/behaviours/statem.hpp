// SPDX-License-Identifier: MIT
// The state machine engine: OTP's gen_statem. The machine itself is coppice/statem_machine.hpp; here it gets
// its events, timers and replies, and what ends it becomes an exit reason. To everybody else it is a server:
// calls, casts, sys and the parent's exit are the server engine's. One engine a process; over a reload it
// stays, with the state, what is postponed and the time-outs. In the process's own turn.
#pragma once

#include <coppice/statem_machine.hpp>
#include <string_view>

#include "behaviours/server.hpp"

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
  // One event, and all that comes of it before the next message.
  runtime::outcome take(runtime::process& self, event what);
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
  // A map of state, previous, since_ms, changes, queued, postponed and timeouts.
  runtime::message engine_for_people(runtime::process& self) final;

 private:
  class world;

  runtime::outcome run(runtime::process& self, machine::step next);
  runtime::message reason(runtime::process& self);

  machine machine_;
  base::nanos since_ = 0; // of the state
};

} // namespace coppice::behaviours
