// SPDX-License-Identifier: MIT
// The I/O part of a stage's port, over a process; a derived class adds the callbacks. Events for a consumer
// whose mailbox is full wait here, and later messages for it wait after them. So the order is kept, and
// nothing is lost within the bounds of backlog.hpp. Reminders to its own process are notices, which no other
// process can forge. In the process's own turn.
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

  // Called before the engine is made; `self` outlives the port's last call.
  void attach(runtime::process& self) { self_ = &self; }
  // Takes a message that is neither call nor cast. Empty: it is not the stage's.
  std::optional<runtime::outcome> take_message(stage_engine& engine, const runtime::message& m);
  // Drops all messages that wait to be sent.
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
  // Sends `m` if there is room now, and returns whether there was.
  bool sends(const runtime::destination& to, const runtime::message& m);
  void delay(const runtime::destination& to, runtime::message m);
  void send_delayed();
  void remind_of_delayed();

  runtime::process* self_ = nullptr;
  stage_backlog backlog_;
  base::nanos delay_ = 0; // until the next attempt. 0: none is due
};

} // namespace coppice::behaviours
