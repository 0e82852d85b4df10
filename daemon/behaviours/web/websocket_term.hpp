// SPDX-License-Identifier: MIT
// WebSockets as messages. A route asks by the call {http_websocket, Map}; the answer is {accept, Pid} or
// {accept, Pid, Protocol}. From then on Pid gets messages of Client, the process of the client's connection:
//   {websocket, Client, {text, Binary}} | {websocket, Client, {binary, Binary}}
//   {websocket, Client, {closed, Code, Binary}}     once, as the last
// Client takes:
//   {websocket, {text, iodata}} | {websocket, {binary, iodata}}
//   {websocket, close} | {websocket, {close, Code}} | {websocket, {close, Code, iodata}}
// As a call, each of these is answered by ok when the client has taken what was written before, or by {error,
// closed} or {error, badarg}. Pure; any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.hpp"
#include "net/http/websocket_session.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

runtime::message websocket_message(const runtime::pid& client, runtime::node_names& names,
                                   net::websocket_kind kind, std::string_view data);
runtime::message websocket_closed(const runtime::pid& client, runtime::node_names& names,
                                  const net::websocket_close& why);

// Whether `message` begins like a message for the client.
bool is_websocket_order(etf::bytes message);

// A message to send to the client.
struct websocket_output {
  net::websocket_kind kind = net::websocket_kind::text;
  std::string data{};
};
using websocket_order = std::variant<websocket_output, net::websocket_close>;

// errc::invalid: it is malformed; the text says why.
base::result<websocket_order> read_websocket_order(etf::bytes message);

} // namespace coppice::behaviours
