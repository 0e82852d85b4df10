// SPDX-License-Identifier: MIT
// A request as the process that answers it gets it, and what it may answer:
//   {http, #{method, path, params, query, headers, body, peer, version, client, number}}
//   {Status, Headers, Body} | {Status, Body}
//   {Status, Headers, {stream, Place}} | {Status, Headers, {stream, Place, Length}}
// the latter of a route whose bodies stream (stream_term.hpp). Texts are binaries, params a map, query and
// headers lists of pairs in order with names of headers in lower case, Body and the headers' parts iodata;
// client is the pid of the connection's process, which the caller is not where a pool passes requests on, and
// number which of its requests this is: by both a process asks to be told if nobody waits (stream_term.hpp).
// {error, overloaded}, a full pool's answer, is 503. Any thread.
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

// The call's names: of a request, and of those for events and for a WebSocket, which are answered by {accept,
// Pid}, Pid being the process whose end is theirs, or refused as a request is.
inline constexpr std::string_view request_tag = "http";
inline constexpr std::string_view events_tag = "http_events";
inline constexpr std::string_view websocket_tag = "http_websocket";
inline constexpr std::string_view feed_tag = "http_feed";

// What of a request is not in its bytes.
struct request_facts {
  std::string_view path; // decoded
  const base::path_parameters& parameters;
  const base::path_parameters& query;
  std::string_view peer;
  stream_id id; // client and number
};
runtime::message write_request(std::string_view tag, const net::http_request& asked,
                               const request_facts& facts, const runtime::node_names& names);
// The same for a route whose bodies stream.
runtime::message write_streamed_request(const net::http_request& asked, const request_facts& facts,
                                        const runtime::node_names& names);

// What coppice_events is asked for a named event as a stream: {http_feed, Name, LastId, sse | websocket}. The
// answer is as that of one for events, or for a WebSocket.
struct feed_request {
  std::string event;
  std::string last_id; // of the last one that the client has had, as it says; empty: none
  web_upgrade form = web_upgrade::sse;
};
runtime::message write_feed_request(const feed_request& of);
// Nothing: it is none.
std::optional<feed_request> read_feed_request(etf::bytes term);
// What the client says of it: its header Last-Event-ID, or else the parameter `since` of its query, which is
// there for pages, whose WebSockets have no headers.
std::string last_event_id(const net::http_request& asked, const base::path_parameters& query);

struct accepted {
  runtime::pid by;
  std::string protocol{}; // of a WebSocket; empty: none
};
// Nothing: it is neither {accept, Pid} nor {accept, Pid, Protocol}.
std::optional<accepted> read_accepted(etf::bytes term, runtime::node_names& names);

// errc::limit: it is that of a full pool. errc::invalid: it is none that could be sent; the text says why.
base::result<net::http_response> read_answer(etf::bytes term);

// Of one whose body is to come.
struct streamed_answer {
  net::http_response head;
  stream_place writer;
  std::optional<std::uint64_t> length{}; // where it is known
};
bool is_streamed_answer(etf::bytes term);
// `term`: of `whole`. Errors are those of the other.
base::result<streamed_answer> read_streamed_answer(etf::bytes term, const runtime::message& whole,
                                                   runtime::node_names& names);

} // namespace coppice::behaviours
