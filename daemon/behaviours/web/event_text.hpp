// SPDX-License-Identifier: MIT
// Server-sent events (the HTML standard's text/event-stream). What a process sends to the connection that it
// accepted as a client of its events:
//   {http_event, #{data => iodata, event => iodata, id => iodata, retry => Milliseconds}}
//   {http_event, close}
// each key of the map at most once, data at least. Pure; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/http/http_message.hpp"

namespace coppice::behaviours {

// Whether it begins as one.
bool is_event(etf::bytes message);

// What it is on the wire, data in lines of its own; nothing: the stream is to be closed. errc::invalid: it
// can be no event, or is none.
base::result<std::optional<std::string>> event_text(etf::bytes message);

// How long a client is to wait before it comes again.
std::string retry_text(base::nanos wait);

inline constexpr std::string_view event_heartbeat = ":\n\n";
inline constexpr std::string_view event_stream_type = "text/event-stream";

// A client may have events: it takes them.
bool takes_events(const net::http_request& asked);

} // namespace coppice::behaviours
