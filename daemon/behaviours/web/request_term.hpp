// SPDX-License-Identifier: MIT
// A request as the process that answers it gets it, and what it may answer:
//   {http, #{method, path, params, query, headers, body, peer, version}}
//   {Status, Headers, Body} | {Status, Body}
// Texts are binaries, params a map, query and headers lists of pairs in order with names of headers in lower
// case, Body and the headers' parts iodata. {error, overloaded}, a full pool's answer, is 503. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/path_pattern.hpp"
#include "net/http_message.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// The call's names: of a request, and of those for events and for a WebSocket, which are answered by {accept,
// Pid}, Pid being the process whose end is theirs, or refused as a request is.
inline constexpr std::string_view request_tag = "http";
inline constexpr std::string_view events_tag = "http_events";
inline constexpr std::string_view websocket_tag = "http_websocket";
inline constexpr std::string_view feed_tag = "http_feed";

// `path`: decoded.
runtime::message write_request(std::string_view tag, const net::http_request& asked, std::string_view path,
                               const base::path_parameters& parameters, const base::path_parameters& query,
                               std::string_view peer);

// What coppice_events is asked for a named event as a stream: {http_feed, Name, LastId}, LastId what the
// client's Last-Event-ID says. The answer is as that of one for events.
runtime::message write_feed_request(std::string_view event, const net::http_request& asked);

struct accepted {
  runtime::pid by;
  std::string protocol{}; // of a WebSocket; empty: none
};
// Nothing: it is neither {accept, Pid} nor {accept, Pid, Protocol}.
std::optional<accepted> read_accepted(etf::bytes term, runtime::node_names& names);

// errc::limit: it is that of a full pool. errc::invalid: it is none that could be sent; the text says why.
base::result<net::http_response> read_answer(etf::bytes term);

} // namespace coppice::behaviours
