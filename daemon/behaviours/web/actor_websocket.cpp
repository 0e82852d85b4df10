// SPDX-License-Identifier: MIT
// A message of the client waits in came_ until the process's mailbox has room; callers wait until the client
// has taken what was written. In the connection's turns, except the callbacks of libuv.
#include "behaviours/web/actor_websocket.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/bound.hpp"
#include "base/log_counted.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/web/sites.hpp"
#include "behaviours/web/websocket_term.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using net::websocket_close;
using runtime::message;

namespace {

// Bytes of a client's messages between two turns; with more, reading stops. It does not stop at less, because
// stopping and resuming costs more than a message.
const base::bound<std::size_t> most_at_once("web: bytes of a WebSocket between two turns", 64 << 10, 64);
constexpr base::nanos least_leave_time = 10 * base::nanos_per_second;

message answer(std::string_view error) {
  if (error.empty()) return message::atom("ok");
  runtime::message_writer out;
  out.tuple(2);
  out.atom("error");
  out.atom(error);
  return out.take();
}

} // namespace

actor_websocket::actor_websocket(runtime::process& self, const runtime::pid& to, bool is_own,
                                 const websocket_bounds& bounds, web_sites& sites, std::string name,
                                 std::function<void()> want_turn)
    : self_(self),
      sites_(sites),
      to_(to),
      monitor_(self.monitor(runtime::destination(to))),
      is_own_(is_own),
      backlog_(bounds.backlog),
      leave_time_(std::max(bounds.of.pong.count() * base::nanos_per_ms, least_leave_time)),
      name_(std::move(name)),
      want_turn_(std::move(want_turn)),
      client_(self.stay(), bounds.of, *this, &sites.unfinished()) {}

// Below libuv ----------------------------------------------------------------------------------------------

void actor_websocket::on_message(net::websocket_kind kind, std::string_view data) {
  came_.add(to_, websocket_message(self_.self(), self_.host().nodes(), kind, data));
  came_bytes_ += data.size() + sizeof(message);
  if (came_bytes_ > most_at_once) client_.hold(true);
  want_turn_();
}

void actor_websocket::on_closed(const websocket_close& why) {
  closed_ = true;
  if (!alone_) came_.add(to_, websocket_closed(self_.self(), self_.host().nodes(), why));
  want_turn_();
}

// In turn --------------------------------------------------------------------------------------------------

void actor_websocket::turn() {
  hand_on();
  answer_callers();
}

void actor_websocket::hand_on() {
  came_.hand_on();
  client_.hold(!came_.empty() && client_.is_open()); // a closed client is read, to see its own close
  if (came_.empty()) came_bytes_ = 0;
}

void actor_websocket::answer_callers() {
  if (callers_.empty() || (client_.is_open() && client_.is_full())) return;
  const message said = answer(client_.is_open() ? "" : "closed");
  for (const message& from : std::exchange(callers_, {})) gen::reply(self_, from, said);
}

void actor_websocket::end_soon(bool comes_again) {
  client_.close({comes_again ? websocket_close::service_restart : websocket_close::going_away, ""});
}

void actor_websocket::receive(const message& m, bool notice) {
  const bool is_retry = notice && came_.take_retry(m);
  if (is_retry) hand_on();
  if (is_retry || (notice && take_end(m))) {
    if (over()) want_turn_();
    return;
  }
  const gen::request asked = gen::parse(m);
  if (asked.what != gen::request::kind::call) {
    if (is_websocket_order(m.bytes())) take(m.bytes());
    return;
  }
  const std::string_view error = take(asked.body.bytes());
  if (error.empty() && client_.is_open() && client_.is_full())
    callers_.push_back(asked.from);
  else
    gen::reply(self_, asked.from, answer(error));
}

bool actor_websocket::take_end(const message& m) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self_.host().nodes());
  etf::bytes reason;
  if (!ref || *ref != monitor_ || !at.skip() || !at.skip() || !at.read_term(reason)) return true;
  alone_ = true;
  came_.clear();
  const bool done = is_own_ && runtime::is_orderly(m.slice(reason));
  client_.close({done ? websocket_close::normal : websocket_close::internal_error, ""});
  client_.hold(false);
  return true;
}

std::string_view actor_websocket::take(etf::bytes order) {
  const auto read = read_websocket_order(order);
  if (!read) {
    base::log::counted(base::log::level::warning, "web", name_ + ": " + read.error().text, "{}: {}", name_,
                       read.error().text);
    return "badarg";
  }
  if (!client_.is_open()) return "closed";
  if (const auto* const why = std::get_if<websocket_close>(&*read)) {
    client_.close(*why);
  } else {
    const auto& output = std::get<websocket_output>(*read);
    send(output.kind, output.data);
  }
  return "";
}

void actor_websocket::send(net::websocket_kind kind, std::string_view data) {
  client_.send(kind, data);
  if (client_.waiting() <= backlog_) return;
  sites_.count(web_overload::slow_websocket);
  base::log::counted(base::log::level::notice, "web", "slow client of a WebSocket",
                     "{}: a client is closed, which does not take what it is sent", name_);
  client_.close({websocket_close::try_again_later, "too much waits"});
}

} // namespace coppice::behaviours
