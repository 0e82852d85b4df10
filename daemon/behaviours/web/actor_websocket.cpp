// SPDX-License-Identifier: MIT
// See actor_websocket.hpp.
#include "behaviours/web/actor_websocket.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/log_counted.hpp"
#include "behaviours/gen.hpp"
#include "behaviours/web/websocket_term.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using net::websocket_close;
using runtime::message;

namespace {

constexpr std::string_view retry_tag = "$coppice_websocket_retry";
constexpr base::nanos first_pause = base::nanos_per_ms;
constexpr base::nanos longest_pause = 64 * base::nanos_per_ms;

message answer(std::string_view error) {
  if (error.empty()) return message::atom("ok");
  runtime::message_writer out;
  out.tuple(2);
  out.atom("error");
  out.atom(error);
  return out.take();
}

} // namespace

actor_websocket::actor_websocket(runtime::process& self, const runtime::pid& to,
                                 const websocket_bounds& bounds, std::string name,
                                 std::function<void()> want_turn)
    : self_(self),
      to_(to),
      monitor_(self.monitor(runtime::destination(to))),
      backlog_(bounds.backlog),
      name_(std::move(name)),
      want_turn_(std::move(want_turn)),
      client_(self.stay(), bounds.of, *this) {}

// Below libuv ----------------------------------------------------------------------------------------------

void actor_websocket::on_message(net::websocket_kind kind, std::string_view data) {
  came_.push_back(websocket_message(self_.self(), self_.host().nodes(), kind, data));
  client_.hold(true);
  want_turn_();
}

void actor_websocket::on_closed(const websocket_close& why) {
  closed_ = true;
  if (!alone_) came_.push_back(websocket_closed(self_.self(), self_.host().nodes(), why));
  want_turn_();
}

// In turn --------------------------------------------------------------------------------------------------

void actor_websocket::turn() {
  if (!is_retry_due_) hand_on();
  answer_callers();
}

void actor_websocket::hand_on() {
  std::size_t gone = 0;
  for (; gone < came_.size(); ++gone) {
    const auto status = self_.send(runtime::destination(to_), came_[gone], {.waits = false});
    if (status != runtime::send_status::full) continue; // of a node that is lost the monitor tells
    pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
    is_retry_due_ = true;
    self_.remind(base::mono_now() + pause_, message::atom(retry_tag));
    break;
  }
  came_.erase(came_.begin(), came_.begin() + static_cast<std::ptrdiff_t>(gone));
  if (!came_.empty()) return;
  pause_ = 0;
  client_.hold(false);
}

void actor_websocket::answer_callers() {
  if (callers_.empty() || (client_.is_open() && client_.is_full())) return;
  const message said = answer(client_.is_open() ? "" : "closed");
  for (const message& from : std::exchange(callers_, {})) gen::reply(self_, from, said);
}

void actor_websocket::end_soon() {
  client_.close({websocket_close::going_away, ""});
}

void actor_websocket::receive(const message& m, bool notice) {
  if (notice && (take_retry(m) || take_end(m))) return;
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

bool actor_websocket::take_retry(const message& m) {
  if (!etf::cursor(m.bytes()).read_atom_is(retry_tag)) return false;
  is_retry_due_ = false;
  hand_on();
  return true;
}

bool actor_websocket::take_end(const message& m) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self_.host().nodes());
  if (!ref || *ref != monitor_) return true;
  alone_ = true;
  came_.clear();
  client_.close({websocket_close::internal_error, ""});
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
  base::log::counted(base::log::level::notice, "web", "slow client of a WebSocket",
                     "{}: a client is closed, which does not take what it is sent", name_);
  client_.close({websocket_close::try_again_later, "too much waits"});
}

} // namespace coppice::behaviours
