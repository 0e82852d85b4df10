// SPDX-License-Identifier: MIT
// The part of web_connection for streamed bodies: between the client, whose session runs in libuv's
// callbacks, and the processes that read and write them, which are told in the connection's turns.
#include <fmt/format.h>

#include <utility>

#include "base/log_counted.hpp"
#include "behaviours/web/web_connection.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

namespace {

constexpr std::string_view linger_tag = "$coppice_web_linger";
constexpr int client_closed = 499; // nginx's number for a client that left; used in counts and the log only

// The reason that the processes at work on a request are told when it ends early.
std::string_view reason_of(int refused, net::http_end how) {
  switch (refused) {
    case 408:
      return "slow";
    case 413:
      return "too_large";
    case 0:
      return how == net::http_end::slow || how == net::http_end::silent ? "slow" : "closed";
    default:
      return "malformed";
  }
}

} // namespace

void web_connection::write_streamed(const net::http_request& asked, const request_facts& facts) {
  streamed_bodies::connection& here = *this;
  web_request::streaming streams;
  streams.bodies = std::make_shared<streamed_bodies>(facts.id, asked.streamed, here);
  streams.head_only = asked.method == "HEAD";
  streams.progress = current_->began();
  current_->set_streams(std::move(streams));
  current_->set_message(write_streamed_request(asked, facts, self_->host().nodes()));
}

// Below libuv ----------------------------------------------------------------------------------------------

void web_connection::take_body(net::http_exchange of, std::string_view part, bool last) {
  if (!is_current(of.number) || current_->streams() == nullptr) return;
  current_->streams()->progress = base::mono_now();
  const auto bodies = current_->streams()->bodies;
  bodies->take_body(part, last);
  if (current_) current_->look_who_is_waited_for();
}

void web_connection::abandoned(net::http_exchange it) {
  if (!is_current(it.number)) return;
  const web_request::streaming* const streams = current_->streams();
  const int refused = streams == nullptr ? 0 : streams->refused;
  tell_aborted(reason_of(refused, connection_->ended().how));
  if (ended_.empty()) { // the call and the timer end with this process, which ends now
    current_->forget_call();
    current_->forget_deadline();
  }
  const int status = refused != 0 ? refused : client_closed;
  if (streams == nullptr) return finish(status, 0);
  const bool begun = current_->is(web_request_state::streaming);
  finish(begun ? streams->status : status, streams->bodies->written());
}

void web_connection::grant_body(std::size_t bytes) {
  if (!current_) return;
  current_->look_who_is_waited_for();
  if (connection_) connection_->grant(current_->number(), bytes);
}

net::http_written web_connection::write_answer(std::string_view part) {
  if (!connection_ || !current_) return net::http_written::gone;
  const net::http_written taken = connection_->write(current_->number(), part);
  return current_ ? taken : net::http_written::gone; // the client may leave inside the call
}

bool web_connection::end_answer() {
  return connection_ && current_ && connection_->end(current_->number());
}

void web_connection::tell(const runtime::pid& to, message m) {
  if (!sender_) sender_ = std::make_unique<patient_sender>(*self_, "$coppice_web_retry");
  sender_->add(to, std::move(m));
  want_turn();
}

void web_connection::tell_aborted(std::string_view reason) {
  const auto watcher = current_->take_watcher();
  const auto bodies = current_->streams() != nullptr ? current_->streams()->bodies : nullptr;
  if (bodies) bodies->abort(reason);
  if (watcher && !(bodies && bodies->tells(*watcher))) tell(watcher->by, stream_aborted(*watcher, reason));
  // A client's own actor ends with it, and a process that has accepted an upgraded client monitors it.
  const bool may_ask = current_->call() && !actor_ && current_->route().upgrade == web_upgrade::none;
  if (watcher || !may_ask || (bodies && bodies->tells_anybody())) return;
  ended_.add(current_->number(), reason, base::mono_now());
}

// In the process's turn ------------------------------------------------------------------------------------

void web_connection::go_on_streaming() {
  if (!current_ || current_->streams() == nullptr) return;
  const auto bodies = current_->streams()->bodies;
  bodies->ask_on();
}

void web_connection::hand_on() {
  if (!is_behind()) return;
  sender_->hand_on();
  if (is_behind() || !current_ || current_->streams() == nullptr) return;
  const auto bodies = current_->streams()->bodies;
  bodies->caught_up();
}

bool web_connection::take_watched_end(const runtime::reference& of) {
  web_request::streaming* const streams = current_->streams();
  if (streams == nullptr || of != streams->watch) return false;
  streams->watch = {};
  const bool begun = current_->is(web_request_state::streaming);
  const bool was_through = !begun && !streams->bodies->is_coming();
  if (was_through) return true; // it has read the body, and another process may answer
  fail(500, begun ? "it ended in the middle of its answer" : "it ended without an answer");
  return true;
}

void web_connection::take_stream_order(process& self, const message& m) {
  if (!current_->has_route() || (!current_->call() && current_->streams() == nullptr))
    return; // no process is at work on it
  auto order = read_stream_order(m, {self.self(), current_->number()}, self.host().nodes());
  if (!order) {
    const web_route& route = current_->route();
    return base::log::counted(base::log::level::warning, "web", std::string(route.path.text()), "{}: {}",
                              route.path.text(), order.error().text);
  }
  if (!*order) return; // about a request that has ended
  if (auto* const watch = std::get_if<stream_watch>(&**order)) {
    current_->set_watcher(std::move(watch->by));
    return;
  }
  if (current_->streams() == nullptr) return;
  const auto bodies = current_->streams()->bodies;
  current_->streams()->progress = base::mono_now();
  if (auto* const wish = std::get_if<stream_wish>(&**order)) {
    current_->watch(self, wish->reader.by);
    bodies->read_on(std::move(*wish));
  } else {
    settle_stream(bodies->write(std::move(std::get<stream_part>(**order))), bodies);
    want_turn(); // after the parts that wait, to grant more for all of them
  }
}

bool web_connection::lingers(process& self) {
  const auto until = ended_.remembered_until(base::mono_now());
  if (!until || draining_) return false;
  if (lingers_) return true;
  lingers_ = sites_->linger();
  if (lingers_) self.remind(*until, message::atom(linger_tag));
  connection_.reset();
  return lingers_;
}

void web_connection::begin_stream(process& self, streamed_answer answer) {
  const auto bodies = current_->streams()->bodies;
  const bool head_only = current_->streams()->head_only;
  current_->add_headers(answer.head);
  current_->begin_stream(answer.head.status);
  current_->watch(self, answer.writer.by);
  const bool begun = connection_ && connection_->begin(current_->number(), answer.head, answer.length);
  if (!begun) return; // the client has left
  if (head_only || !net::http_has_content(answer.head.status)) {
    bodies->begin_without_body(answer.writer);
    end_answer();
    return finish(answer.head.status, 0);
  }
  settle_stream(bodies->begin(std::move(answer.writer)), bodies);
  want_turn();
}

void web_connection::settle_stream(streamed_bodies::state now, const std::shared_ptr<streamed_bodies>& of) {
  const web_request::streaming* const streams = current_ ? current_->streams() : nullptr;
  if (streams == nullptr || streams->bodies != of) return; // the client has left
  switch (now) {
    case streamed_bodies::state::open:
      return;
    case streamed_bodies::state::ended:
      return finish(streams->status, of->written());
    case streamed_bodies::state::broken:
      return cut_stream("its answer is longer or shorter than it said", "failed");
    case streamed_bodies::state::overrun:
      return cut_stream("it writes more of its answer than it was asked for", "overrun");
  }
}

void web_connection::cut_stream(std::string_view why, std::string_view reason) {
  const web_route& route = current_->route();
  base::log::counted(base::log::level::warning, "web", fmt::format("{} cut {}", route.path.text(), why),
                     "{}, from {}: an answer is cut off: {}", route.path.text(), route.to, why);
  const std::uint64_t number = current_->number();
  const auto bodies = current_->streams()->bodies;
  tell_aborted(reason);
  finish(current_->streams()->status, bodies->written());
  if (connection_) connection_->break_off(number);
}

} // namespace coppice::behaviours
