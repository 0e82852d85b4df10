// SPDX-License-Identifier: MIT
// A named event as the server-sent events, or the WebSocket, of one client: it subscribes, accepts the
// client's call and gives what comes to its connection (behaviours/web/event_text.hpp, websocket_term.hpp):
// the payload, a binary as it is and anything else in Erlang's syntax, with an id that says where a client
// that comes again goes on; `gap` events tell it of numbers that are lost. To a WebSocket each goes as a
// text, a JSON object of what a server-sent event has. What a client says is not listened to. It ends with
// the event, and with the client. In the process's own turn.
#pragma once

#include <string>

#include "behaviours/channels/event_channels.hpp"
#include "behaviours/web/request_term.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class event_feed final : public runtime::behaviour {
 public:
  // `from`: of the call that asks; its process is the connection. `events` outlives the process.
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
