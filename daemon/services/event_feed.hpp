// SPDX-License-Identifier: MIT
// A named event as the server-sent events of one client: it subscribes, accepts the client's call and gives
// what comes to its connection (behaviours/web/event_text.hpp): the payload, a binary as it is and anything
// else in Erlang's syntax, with an id that says where a client that comes again goes on; `gap` events tell it
// of numbers that are lost. It ends with the event, and with the client. In the process's own turn.
#pragma once

#include <string>

#include "behaviours/channels/event_channels.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class event_feed final : public runtime::behaviour {
 public:
  // `from`: of the call that asks; its process is the connection. `last_id`: of the last event that the
  // client has had, empty: none. `events` outlives the process.
  event_feed(behaviours::event_channels& events, runtime::message from, std::string name, std::string last_id)
      : events_(events), from_(std::move(from)), name_(std::move(name)), last_id_(std::move(last_id)) {}

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void describe(runtime::description& out) const override { out.behaviour = "event_feed"; }

 private:
  runtime::outcome begin(runtime::process& self);
  void send(runtime::process& self, std::string_view event, std::uint64_t seq, std::string_view data);

  behaviours::event_channels& events_;
  const runtime::message from_;
  const std::string name_;
  const std::string last_id_;
  runtime::pid client_{};
  std::uint32_t creation_ = 0;
};

} // namespace coppice::services
