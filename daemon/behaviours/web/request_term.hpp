// SPDX-License-Identifier: MIT
// A request as the process that answers it gets it, and the answers it may give:
//   {http, #{method, path, params, query, headers, body, peer, version, client, number, route}}
//   {Status, Headers, Body} | {Status, Body}
//   {Status, Headers, {stream, Place}} | {Status, Headers, {stream, Place, Length}}
// The last two are for routes whose bodies stream (stream_term.hpp). Texts are binaries; params is a map;
// query and headers are lists of pairs in order, with header names in lower case. Body and the parts of
// Headers are iodata. client is the pid of the connection's process (with a pool, the caller is another
// process), and number is the request's number there; with both, a process can ask to be told if the answer
// is no longer wanted. {error, overloaded}, which a full pool answers, becomes 503. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/path_pattern.hpp"
#include "behaviours/web/stream_term.hpp"
#include "behaviours/web/web_spec.hpp"
#include "net/http/http_message.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// The tags of the call: for a request, for a client of events, for a WebSocket, and for a named event. The
// last three are answered by {accept, Pid}, where Pid is the process that serves the client and whose end
// ends the stream, or refused with an answer to a request.
inline constexpr std::string_view request_tag = "http";
inline constexpr std::string_view events_tag = "http_events";
inline constexpr std::string_view websocket_tag = "http_websocket";
inline constexpr std::string_view feed_tag = "http_feed";

// Facts about a request that are not in its bytes.
struct request_facts {
  std::string_view path; // decoded
  const base::path_parameters& parameters;
  const base::path_parameters& query;
  std::string_view peer;
  stream_id id;                // client and number
  std::string_view route = {}; // the route's name; empty: none
};
runtime::message write_request(std::string_view tag, const net::http_request& asked,
                               const request_facts& facts, const runtime::node_names& names);
// As write_request(), for a route whose bodies stream.
runtime::message write_streamed_request(const net::http_request& asked, const request_facts& facts,
                                        const runtime::node_names& names);

// The call to coppice_events for a named event as a stream: {http_feed, Name, LastId, sse | websocket}. The
// answer is {accept, Pid}, as for events and WebSockets.
struct feed_request {
  std::string event;
  std::string last_id; // of the last event that the client says it has had; empty: none
  web_upgrade form = web_upgrade::sse;
};
runtime::message write_feed_request(const feed_request& of);
// Nothing: `term` is no such call.
std::optional<feed_request> read_feed_request(etf::bytes term);
// The id that the client sends: its header Last-Event-ID, or else the query's parameter `since`, because a
// page cannot set headers of a WebSocket.
std::string last_event_id(const net::http_request& asked, const base::path_parameters& query);

struct accepted {
  runtime::pid by;
  std::string protocol{}; // of a WebSocket; empty: none
};
// Reads {accept, Pid} or {accept, Pid, Protocol}. Nothing: it is neither.
std::optional<accepted> read_accepted(etf::bytes term, runtime::node_names& names);

// errc::limit: the answer of a full pool. errc::invalid: it cannot be sent; the text says why.
base::result<net::http_response> read_answer(etf::bytes term);

// The head of an answer whose body follows in pieces.
struct streamed_answer {
  net::http_response head;
  stream_place writer;
  std::optional<std::uint64_t> length{}; // bytes of the body; nothing: unknown
};
bool is_streamed_answer(etf::bytes term);
// `term` is a part of `whole`. errc::invalid: it cannot be sent; the text says why.
base::result<streamed_answer> read_streamed_answer(etf::bytes term, const runtime::message& whole,
                                                   runtime::node_names& names);

} // namespace coppice::behaviours
