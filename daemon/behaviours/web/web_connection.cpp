// SPDX-License-Identifier: MIT
// Requests, their calls and the ends of both; answers, files, streams and upgrades are in the files beside
// this one. In the process's turns, except the callbacks of libuv.
#include "behaviours/web/web_connection.hpp"

#include <coppice/etf/cursor.hpp>
#include <memory>
#include <utility>

#include "behaviours/gen/gen.hpp"
#include "behaviours/streams/actor_streams.hpp"
#include "behaviours/streams/stream_loop.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/web/event_text.hpp"
#include "behaviours/web/request_term.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view leave_tag = "$coppice_web_leave";
constexpr base::nanos leave_time = 10 * base::nanos_per_second; // for messages when the connection is gone

runtime::destination destination_of(const web_route& route, process& self) {
  if (route.node.empty()) return runtime::destination::named(route.to);
  const auto node = self.host().nodes().intern(route.node);
  return node ? runtime::destination::remote(route.to, *node) : runtime::destination();
}

std::string_view tag_of(web_upgrade upgrade) {
  switch (upgrade) {
    case web_upgrade::sse:
      return events_tag;
    case web_upgrade::websocket:
      return websocket_tag;
    case web_upgrade::none:
      break;
  }
  return request_tag;
}

} // namespace

web_connection::web_connection(accepted_stream stream, std::shared_ptr<web_sites> sites)
    : stream_(std::move(stream)), counters_(std::move(stream_.counters)), sites_(std::move(sites)) {}

web_connection::~web_connection() {
  end();
}

outcome web_connection::init(process& self) {
  self_ = &self;
  uv_loop_t* const loop = self.stay();
  first_ = site();
  const net::http_options& options = first_->spec().http;
  net::tls_options tls;
  if (stream_.tls != nullptr) tls = {stream_.tls, &stream_loop::of(loop).pacer(), "", options.timeouts.head};
  stream_.socket.run_there = run_beside(self);
  auto taken = net::stream::adopt(loop, std::move(stream_.socket), tls);
  if (!taken) return runtime::ignore(); // the client has left
  if (const auto peer = taken->peer_address()) {
    peer_address_ = *peer;
    peer_ = peer->to_string();
    peer_host_ = peer->host();
  }
  net::http_connection::owner& told = *this;
  connection_.emplace(loop, std::move(*taken), options, 1, told, &sites_->unfinished());
  return runtime::carry_on();
}

void web_connection::want_turn() {
  if (!std::exchange(asked_, true)) self_->request_io();
}

const std::shared_ptr<web_site>& web_connection::site() {
  if (const std::uint64_t version = sites_->version(); version != version_) {
    site_ = sites_->now();
    version_ = version;
  }
  return site_;
}

// Below libuv ----------------------------------------------------------------------------------------------

net::http_body_plan web_connection::plan(const net::http_request& asked) {
  // Nothing of the body is read, and no client is told to send it, before a process asks for it.
  net::http_body_plan out{.streamed = true, .credit = 0};
  const web_site& here = *site();
  placed_ = std::make_unique<placed>(placed{here.place(asked), version_});
  if (placed_->where.status != 0) return out;
  const web_route& to = here.spec().routes[placed_->where.route];
  if (!to.location.empty()) return out;
  out.limit = to.body;
  out.streamed = to.streamed;
  return out;
}

void web_connection::ask(const net::http_request& asked, std::uint64_t, std::uint64_t number) {
  note(asked, number);
  route(asked);
}

web_site::found web_connection::place(const net::http_request& asked) {
  const auto known = std::exchange(placed_, nullptr);
  return known && known->version == version_ ? std::move(known->where) : current_->site().place(asked);
}

void web_connection::note(const net::http_request& asked, std::uint64_t number) {
  // plan() has found the route of a streamed request.
  current_ = std::make_unique<web_request>(number, asked.streamed ? site_ : site(), *sites_);
  current_->note(asked, peer_address_);
  count_with(current_->client());
}

// A proxy sends the requests of many clients over one connection: the listener's limit counts the connection
// with the last of them.
void web_connection::count_with(const std::string& client) {
  if (client.empty() || client == counted_with_ || !connection_) return;
  const auto address = base::socket_address::parse(client, 0);
  if (!address) return;
  counted_with_ = client;
  connection_->count_with(*address);
}

void web_connection::route(const net::http_request& asked) {
  const web_site::found found = place(asked);
  if (found.is_preflight) return give_leave();
  if (!found.allow.empty()) return answer(found.status, {{"Allow", found.allow}});
  if (found.status != 0) return answer(found.status);
  current_->take_route(found.route);
  const web_route& to = current_->route();
  if (!to.location.empty()) return answer(to.status, {{"Location", to.location}});
  if (!to.folder.empty()) return begin_file(asked, found.segments);
  if (!may_upgrade(asked)) return;
  if (!current_->enter()) return fail(web_overload::in_flight, "too many requests wait for an answer");
  std::string path;
  for (const std::string& one : found.segments) (path += '/') += one;
  const request_facts facts{path,
                            found.parameters,
                            found.query,
                            current_->client().empty() ? peer_ : current_->client(),
                            {self_->self(), current_->number()},
                            to.as};
  if (to.streamed)
    write_streamed(asked, facts);
  else
    current_->set_message(!to.feed.empty()
                              ? write_feed_request({to.feed, last_event_id(asked, found.query), to.upgrade})
                              : write_request(tag_of(to.upgrade), asked, facts, self_->host().nodes()));
  want_turn();
}

bool web_connection::may_upgrade(const net::http_request& asked) {
  const web_upgrade to = current_->route().upgrade;
  if (to == web_upgrade::none) return true;
  if (to == web_upgrade::sse && !takes_events(asked)) return answer(406), false;
  if (to == web_upgrade::websocket) {
    if (auto refusal = net::websocket_refusal(asked)) return answer(std::move(*refusal)), false;
    current_->offer_websocket(asked);
  }
  if (current_->spec().others.refuses(asked)) return answer(403), false;
  return true;
}

void web_connection::refusing(const net::http_request* asked, net::http_response& answer) {
  if (current_ && current_->streams() != nullptr) { // the body is wrong, or late
    current_->streams()->refused = answer.status;
    return current_->add_headers(answer);
  }
  // The session has not handed the request out.
  if (asked != nullptr) {
    note(*asked, 0);
    if (const web_site::found found = place(*asked); found.status == 0) current_->take_route(found.route);
  } else {
    current_ = std::make_unique<web_request>(0, site(), *sites_);
  }
  current_->add_headers(answer);
  finish(answer.status, answer.body.size());
}

void web_connection::count_end(const net::http_connection::summary& of) const {
  const auto word = [&of] {
    switch (of.how) {
      case net::http_end::broken:
        return stream_end::reset;
      case net::http_end::silent:
        return stream_end::idle;
      case net::http_end::slow:
        return stream_end::slow;
      case net::http_end::done:
        break;
    }
    return stream_end::normal;
  };
  if (counters_ != nullptr) counters_->count_end(word(), of.read, of.written);
}

void web_connection::gone(std::uint64_t) {
  if (socket_) return; // the socket belongs to another protocol
  if (connection_) count_end(connection_->ended());
  over_ = true;
  want_turn();
}

void web_connection::writable(net::http_exchange it) {
  if (!is_current(it.number)) return;
  if (is_at(web_request_state::file)) send_file();
  if (is_at(web_request_state::events)) current_->events().full = false;
  if (current_ && current_->streams() != nullptr) {
    current_->streams()->bodies->drained();
    current_->streams()->progress = base::mono_now(); // from now on the writer has to go on
    want_turn();
  }
}

// In the process's turn ------------------------------------------------------------------------------------

outcome web_connection::receive_io(process& self) {
  asked_ = false;
  go_on_streaming();
  hand_on();
  if (socket_) return go_on_as_websocket(self);
  if (over_) {
    const bool stays = (is_behind() && waits_for_room(self, leave_time)) || lingers(self);
    return stays ? runtime::carry_on() : leave(self);
  }
  if (is_at(web_request_state::queued)) send(self);
  if (is_at(web_request_state::file)) send_file();
  return runtime::carry_on();
}

// Until the process ends, the client that has left has its place at the listener.
bool web_connection::waits_for_room(process& self, base::nanos most) {
  if (leaves_at_ == 0) {
    leaves_at_ = base::mono_now() + most;
    self.remind(leaves_at_, message::atom(leave_tag));
  }
  return base::mono_now() < leaves_at_;
}

// An actor that has accepted a WebSocket client is told of the client's end by a message, before this
// process ends with normal. If the client left before that, or the actor's mailbox had no room, there is no
// such message, and the reason tells the actor's monitor.
message web_connection::end_reason() const {
  if (!asked_for_websocket_ || (socket_ && socket_->over())) return runtime::reasons::normal();
  runtime::message_writer out;
  out.tuple(2);
  out.atom("shutdown");
  out.atom("closed");
  return out.take();
}

outcome web_connection::leave(process& self) {
  if (!actor_ || actor_->ended()) return runtime::stop(end_reason());
  actor_->end(self);
  return runtime::carry_on();
}

runtime::destination web_connection::asked_of(process& self, const web_route& route) {
  if (route.actor == nullptr) {
    const runtime::destination to = destination_of(route, self);
    if (to.what() == runtime::destination::kind::none) fail(502, "its node has no name that can be");
    return to;
  }
  // The request is the connection's last one in any case, because the actor ends with the connection.
  if (connection_) connection_->end_soon();
  auto made = client_actor::start(self, *route.actor, *sites_, counters_.get());
  if (!made) {
    fail(500, "no actor for a client: " + made.error().text);
    return {};
  }
  actor_ = std::move(*made);
  return runtime::destination(actor_->who());
}

void web_connection::send(process& self) {
  const web_route& route = current_->route();
  const message request = current_->take_message();
  if (route.upgrade == web_upgrade::websocket) asked_for_websocket_ = true;
  const runtime::destination to = asked_of(self, route);
  if (to.what() == runtime::destination::kind::none) return;
  current_->set_call(
      self.monitor(to, {.alias = runtime::alias_until::reply, .request = true, .client = true}));
  current_->advance(web_request_event::is_sent);
  current_->remind_of_deadline(self, current_->began() + route.timeout);
  switch (self.send(to, gen::call_message(self, current_->call(), request), {.waits = false})) {
    case runtime::send_status::ok:
      return;
    case runtime::send_status::full:
      return fail(web_overload::mailbox, "its mailbox is full");
    case runtime::send_status::malformed:
      return fail(500, "the request cannot be sent");
    case runtime::send_status::nodedown:
      return fail(502, "its node is not connected");
  }
}

outcome web_connection::receive(process& self, message m) {
  const bool notice = self.origin().notice;
  if (notice && sender_ && sender_->take_retry(m)) {
    want_turn();
    return runtime::carry_on();
  }
  if (notice && runtime::is_atom(m, leave_tag)) {
    want_turn();
    return runtime::carry_on();
  }
  if (notice && actor_ && actor_->take(self, m)) return over_ ? leave(self) : runtime::carry_on();
  if (notice && gen::is_exit(m.bytes())) return take_exit(self, m);
  const bool drain = notice && take_drain(m);
  if (socket_) {
    if (drain)
      socket_->end_soon(comes_again_);
    else
      socket_->receive(m, notice);
    return runtime::carry_on();
  }
  if (drain) {
    draining_ = true;
    self.trap_exit(true); // so that the processes at work for the client can be told of its end
    if (is_at(web_request_state::events)) end_events();
    if (connection_) connection_->end_soon();
  } else if (!(notice && (take_deadline(self, m) || take_end(self, m) || take_heartbeat(m))) &&
             !take_answer(self, m)) {
    take_output(self, std::move(m));
  }
  if (over_) want_turn(); // perhaps nothing is left to wait for
  hand_on();
  return runtime::carry_on();
}

bool web_connection::take_drain(const message& m) {
  std::string_view word;
  if (!etf::cursor(m.bytes()).read_atom(word)) return false;
  const bool for_restart = word == drain_for_restart_notice;
  if (for_restart) comes_again_ = true;
  return for_restart || word == drain_notice;
}

// Exits are trapped because of the client's actor and, while the site stops, because of the processes at work
// for the client.
outcome web_connection::take_exit(process& self, const message& m) {
  gen::exit_notice gone;
  if (!gen::read_exit(self, m, gone) || gone.reason == runtime::reasons::normal()) return runtime::carry_on();
  if (!draining_ || actor_ || !current_ || (!current_->call() && current_->streams() == nullptr))
    return runtime::stop(gone.reason);
  fail(503, "the site stops", "stopping");
  over_ = true; // this process ends when they are told
  want_turn();
  return runtime::carry_on();
}

bool web_connection::is_current(std::uint64_t number) const {
  return current_ && current_->number() == number;
}

bool web_connection::take_deadline(process& self, const message& m) {
  std::uint64_t number = 0;
  if (!web_request::read_deadline(m, number)) return false;
  if (!is_current(number) || (!current_->call() && current_->streams() == nullptr)) return true;
  current_->forget_deadline();
  if (current_->streams() == nullptr || current_->is_stream_late(self))
    fail(504, "no answer came in time", "timeout");
  return true;
}

bool web_connection::take_end(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  etf::bytes reason;
  if (!ref || !at.skip() || !at.skip() || !at.read_term(reason)) return false;
  if (!current_) return true;
  if (is_at(web_request_state::events) && *ref == current_->events().sender) {
    current_->events().sender = {};
    end_events();
    return true;
  }
  if (take_watched_end(*ref) || !current_->call() || *ref != current_->call()) return true;
  current_->forget_call();
  const message why = m.slice(reason);
  if (why == runtime::reasons::noproc()) {
    fail(502, "there is no such process");
  } else if (why == runtime::reasons::noconnection()) {
    fail(502, "its node is not to be reached");
  } else if (why == runtime::reasons::mailbox_full()) {
    fail(web_overload::mailbox, "its mailbox is full");
  } else {
    fail(500, "it ended without an answer");
  }
  return true;
}

bool web_connection::take_answer(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t length = 0;
  etf::bytes body;
  if (!at.read_tuple_of(2) || !at.read_list(length) || length != 1 || !at.read_atom_is("alias")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  if (!ref || !at.read_term(body)) return false;
  if (!current_ || !current_->call() || ref->whole(self.self()) != current_->call()) return false;
  current_->forget_call();
  if (current_->route().upgrade != web_upgrade::none) {
    if (const auto by = read_accepted(body, self.host().nodes())) {
      begin(self, *by);
      return true;
    }
  }
  // The text is left out, because the plugin may have put the request into it.
  if (gen::refusal_text(body)) {
    fail(500, "it takes no such requests");
    return true;
  }
  const auto refuse = [this](const base::error& why) {
    why.code == base::errc::limit ? fail(web_overload::mailbox, why.text) : fail(502, why.text);
  };
  if (current_->streams() != nullptr && is_streamed_answer(body)) {
    auto begun = read_streamed_answer(body, m, self.host().nodes());
    begun ? begin_stream(self, std::move(*begun)) : refuse(begun.error());
    return true;
  }
  auto response = read_answer(body);
  response ? answer(std::move(*response)) : refuse(response.error());
  return true;
}

void web_connection::end() noexcept {
  current_.reset();
  if (std::exchange(lingers_, false)) sites_->stop_lingering();
  socket_.reset();
  connection_.reset();
}

} // namespace coppice::behaviours
