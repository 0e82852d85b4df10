// SPDX-License-Identifier: MIT
// The part of web_connection that begins when an actor accepts a client as a receiver of events or as a
// WebSocket. Events are sent by the connection; a WebSocket takes over the rest of its life. In the process's
// turns.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <utility>

#include "base/log_counted.hpp"
#include "behaviours/streams/actor_streams.hpp"
#include "behaviours/web/event_text.hpp"
#include "behaviours/web/web_connection.hpp"
#include "behaviours/web/websocket_term.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view heartbeat_tag = "$coppice_web_heartbeat";

// Whether the message is meant for a client with this upgrade.
bool is_output(etf::bytes message, web_upgrade upgrade) {
  return (upgrade == web_upgrade::sse && is_event(message)) ||
         (upgrade == web_upgrade::websocket && is_websocket_order(message));
}

} // namespace

// A handler may send messages for the client before its answer accepts it; they are kept.
void web_connection::take_output(process& self, message m) {
  const bool is_order = is_stream_order(m.bytes());
  if (is_order && !ended_.empty())
    if (auto late = ended_.answer(m, self.self(), self.host().nodes()))
      return tell(late->to, std::move(late->what));
  if (!current_) return;
  if (is_order) return take_stream_order(self, m);
  if (current_->streams() != nullptr) return;
  if (is_at(web_request_state::events)) return send_event(m.bytes());
  if (!current_->call() || !current_->has_route()) return;
  if (is_output(m.bytes(), current_->route().upgrade)) current_->keep_early(std::move(m));
}

void web_connection::begin(process& self, const accepted& by) {
  current_->cancel_deadline(self);
  current_->take_watcher(); // from now on a monitor of this process tells it
  if (current_->route().upgrade == web_upgrade::sse)
    begin_events(self, by.by);
  else
    begin_websocket(self, by);
}

void web_connection::begin_websocket(process& self, const accepted& by) {
  const web_route& route = current_->route();
  auto& [opening, protocols] = current_->websocket();
  if (!by.protocol.empty()) {
    if (std::ranges::find(protocols, by.protocol) == protocols.end())
      return fail(502, "it accepts with a protocol that the client has not offered");
    opening.headers.push_back({net::websocket_protocol_header, by.protocol});
  }
  current_->add_headers(opening);
  is_websocket_.store(true, std::memory_order_relaxed);
  socket_ =
      std::make_unique<actor_websocket>(self, by.by, route.actor != nullptr, current_->spec().websockets,
                                        *sites_, std::string(route.path.text()), [this] { want_turn(); });
  auto upgraded = connection_->upgrade(current_->number(), opening);
  if (upgraded) upgraded->connection.socket.run_there = run_beside(self);
  auto begun = upgraded ? socket_->begin(std::move(*upgraded)) : unexpected(std::move(upgraded.error()));
  if (!begun) { // the client has left
    socket_.reset();
    connection_.reset();
    over_ = true;
    return want_turn();
  }
  connection_.reset();
  const auto early = current_->take_early();
  finish(opening.status, 0);
  for (const message& one : early) socket_->receive(one, false);
  if (draining_) socket_->end_soon(comes_again_);
}

outcome web_connection::go_on_as_websocket(process& self) {
  socket_->turn();
  if (actor_ && socket_->closed()) actor_->expect_end(self);
  const bool is_behind = socket_->closed() && !socket_->over();
  if (is_behind ? waits_for_room(self, socket_->leave_time()) : !socket_->over()) return runtime::carry_on();
  if (!std::exchange(over_, true)) count_end(socket_->ended());
  return leave(self);
}

// Events ---------------------------------------------------------------------------------------------------

void web_connection::begin_events(process& self, const runtime::pid& sender) {
  const base::nanos retry = current_->spec().retry;
  net::http_response head;
  head.type = event_stream_type;
  head.headers.push_back({"Cache-Control", "no-store"});
  head.headers.push_back({"X-Accel-Buffering", "no"}); // makes proxies in front pass each event on
  current_->add_headers(head);
  current_->begin_events({.sender = self.monitor(runtime::destination(sender))}, head.status);
  const std::uint64_t number = current_->number();
  if (connection_) connection_->end_soon(); // so that it ends with the stream, for its monitors
  const bool begun = connection_ && connection_->begin(number, head, std::nullopt);
  if (!begun || !send_events(retry_text(retry))) return;
  for (const message& one : current_->take_early())
    if (is_at(web_request_state::events)) send_event(one.bytes());
  const bool over = draining_ || connection_->has_said_all();
  if (over && is_at(web_request_state::events)) end_events();
}

// A client of events has nothing more to send. When it leaves, it ends its side. Without this function its
// leaving would show only when something is written to it.
void web_connection::said_all(net::http_exchange it) {
  if (is_current(it.number) && is_at(web_request_state::events)) end_events();
}

void web_connection::send_event(etf::bytes event) {
  const auto text = event_text(event);
  if (!text) {
    const web_route& route = current_->route();
    base::log::counted(base::log::level::warning, "web", std::string(route.path.text()), "{}: {}",
                       route.path.text(), text.error().text);
  } else if (*text) {
    send_events(**text);
  } else {
    end_events();
  }
}

bool web_connection::take_heartbeat(const message& m) {
  etf::cursor at(m.bytes());
  std::uint64_t number = 0;
  if (!at.read_tuple_of(2) || !at.read_atom_is(heartbeat_tag) || !at.read_unsigned(number)) return false;
  if (!is_current(number) || !is_at(web_request_state::events)) return true;
  current_->events().heartbeat = 0;
  const base::nanos due = current_->events().sent + current_->spec().heartbeat;
  due > base::mono_now() ? remind_of_heartbeat(due) : void(send_events(event_heartbeat));
  return true;
}

bool web_connection::send_events(std::string_view text) {
  if (!current_) return false;
  const std::uint64_t number = current_->number();
  const auto written = connection_ ? connection_->write(number, text) : net::http_written::gone;
  if (written == net::http_written::gone || !is_at(web_request_state::events)) return false;
  web_request::event_stream& stream = current_->events();
  stream.bytes += text.size();
  const bool was_full = std::exchange(stream.full, written == net::http_written::full || stream.full);
  stream.waiting = stream.full && was_full ? stream.waiting + text.size() : 0;
  if (stream.waiting > current_->spec().backlog) {
    sites_->count(web_overload::slow_events);
    base::log::counted(base::log::level::notice, "web", "slow client of events",
                       "{}: a client is dropped, which does not take its events", peer_host_);
    finish(200, stream.bytes);
    connection_->break_off(number);
    return false;
  }
  stream.sent = base::mono_now();
  if (stream.heartbeat == 0) remind_of_heartbeat(stream.sent + current_->spec().heartbeat);
  return true;
}

void web_connection::remind_of_heartbeat(base::nanos at) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom(heartbeat_tag);
  out.unsigned_integer(current_->number());
  current_->events().heartbeat = self_->remind(at, out.take());
}

void web_connection::end_events() {
  const std::uint64_t number = current_->number();
  finish(200, current_->events().bytes);
  if (connection_) connection_->end(number);
}

} // namespace coppice::behaviours
