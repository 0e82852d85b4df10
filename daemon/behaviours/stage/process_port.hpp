// SPDX-License-Identifier: MIT
// The part of a stage's port that is I/O, over a process; the callbacks are for who derives from it. Events
// for a consumer whose mailbox is full wait here, and what goes to it after them waits behind, so that
// nothing is overtaken, and nothing lost within the bounds of backlog.hpp. What it tells its process for
// later are notices: nobody else can send one.
// In the process's own turn.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "behaviours/stage/backlog.hpp"
#include "behaviours/stage/engine.hpp"
#include "behaviours/stage/port.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class process_port : public stage_port {
 public:
  process_port() = default;
  process_port(const process_port&) = delete;
  process_port& operator=(const process_port&) = delete;

  // Before the engine is made; `self` outlives the port's last call.
  void attach(runtime::process& self) { self_ = &self; }
  // What comes to the process and is neither call nor cast. Nothing: it is not the stage's.
  std::optional<runtime::outcome> take_message(stage_engine& engine, const runtime::message& m);
  // What waits to be sent is not, any more.
  void forget_delayed() noexcept { backlog_.clear(); }

  void send(const runtime::destination& to, runtime::message m, bool connects) final;
  void send_refusal(const runtime::pid& to, runtime::message m) final;
  std::vector<stage_overload> send_events(const runtime::pid& to, subscriber_id of, std::uint64_t events,
                                          runtime::message m, std::uint64_t most) final;
  std::uint64_t backlog(const runtime::pid& to, subscriber_id of) const final {
    return backlog_.bytes(to, of);
  }
  void send_self(runtime::message m) final;
  runtime::message monitor(const runtime::destination& to) final;
  void demonitor(const runtime::message& reference) final;
  runtime::message make_reference() final;
  std::optional<runtime::destination> find(etf::bytes name) final;
  void go_on_later() final;
  void subscribe_later(std::size_t which, base::nanos delay) final;
  bool may_be_from(const runtime::pid& who) const final;
  void tell(level how, std::string text) final;
  base::nanos now() final;

 private:
  std::optional<runtime::outcome> take_reminder(stage_engine& engine, const runtime::message& m);
  // Whether there is room for it now. `m` stays.
  bool sends(const runtime::destination& to, const runtime::message& m);
  void delay(const runtime::destination& to, runtime::message m);
  void send_delayed();
  void remind_of_delayed();

  runtime::process* self_ = nullptr;
  stage_backlog backlog_;
  base::nanos delay_ = 0; // until the next attempt; 0: none is due
};

} // namespace coppice::behaviours
