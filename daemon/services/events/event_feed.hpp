// SPDX-License-Identifier: MIT
// A named event as server-sent events, or WebSocket messages, for one client. The process subscribes to the
// event, accepts the client's call and sends the events to its connection (behaviours/web/event_text.hpp,
// websocket_term.hpp). The data is the payload: a binary as it is, any other term in Erlang's syntax. Each
// event has an id from which a reconnecting client continues; `gap` events report lost numbers. A WebSocket
// gets each event as a text message, a JSON object with the fields of a server-sent event. Messages of the
// client are ignored. The process ends with the event and with the client. In the process's own turn.
#pragma once

#include <string>

#include "behaviours/channels/event_channels.hpp"
#include "behaviours/web/request_term.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class event_feed final : public runtime::behaviour {
 public:
  // `from`: the From of the call; its process is the connection. `events` must outlive the process.
  event_feed(behaviours::event_channels& events, runtime::message from, behaviours::feed_request asked)
      : events_(events), from_(std::move(from)), asked_(std::move(asked)) {}

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  void describe(runtime::description& out) const override { out.behaviour = "event_feed"; }

 private:
  runtime::outcome begin(runtime::process& self);
  void send(runtime::process& self, std::string_view event, std::uint64_t seq, const std::string& data);

  behaviours::event_channels& events_;
  const runtime::message from_;
  const behaviours::feed_request asked_;
  runtime::pid client_{};
  std::uint32_t creation_ = 0;
};

} // namespace coppice::services
