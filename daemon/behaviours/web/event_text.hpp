// SPDX-License-Identifier: MIT
// Server-sent events (text/event-stream of the HTML standard). A process that has accepted a client of its
// events sends these messages to the client's connection:
//   {http_event, #{data => iodata, event => iodata, id => iodata, retry => Milliseconds}}
//   {http_event, close}
// data is required; the other keys are optional. Pure; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/http/http_message.hpp"

namespace coppice::behaviours {

// Whether `message` begins as an event does.
bool is_event(etf::bytes message);

// The event's text on the wire, each line of data as its own field. Nothing: the stream is to be closed.
// errc::invalid: it is no event, or a malformed event.
base::result<std::optional<std::string>> event_text(etf::bytes message);

// The text that tells clients how long to wait before they reconnect.
std::string retry_text(base::nanos wait);

inline constexpr std::string_view event_heartbeat = ":\n\n";
inline constexpr std::string_view event_stream_type = "text/event-stream";

// Whether the client accepts event streams.
bool takes_events(const net::http_request& asked);

} // namespace coppice::behaviours
