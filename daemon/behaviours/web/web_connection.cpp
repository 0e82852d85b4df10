// SPDX-License-Identifier: MIT
// See web_connection.hpp.
#include "behaviours/web/web_connection.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <memory>
#include <utility>

#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "behaviours/gen.hpp"
#include "behaviours/streams/actor_streams.hpp"
#include "behaviours/streams/stream_loop.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/web/compression.hpp"
#include "behaviours/web/event_text.hpp"
#include "behaviours/web/forwarded.hpp"
#include "behaviours/web/request_term.hpp"
#include "behaviours/web/static_files.hpp"
#include "behaviours/web/websocket_term.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;
using runtime::process;

namespace {

constexpr std::string_view deadline_tag = "$coppice_web_deadline";
constexpr std::string_view heartbeat_tag = "$coppice_web_heartbeat";
constexpr std::string_view retry_after = "1"; // seconds
constexpr std::string_view plain_text = "text/plain; charset=utf-8";
constexpr std::size_t file_part = 64 << 10; // bytes
constexpr int parts_at_once = 16;           // then others have their turn

runtime::destination destination_of(const web_route& route, process& self) {
  if (route.node.empty()) return runtime::destination::named(route.to);
  const auto node = self.host().nodes().intern(route.node);
  return node ? runtime::destination::remote(route.to, *node) : runtime::destination();
}

std::string_view tag_of(web_upgrade upgrade) {
  switch (upgrade) {
    case web_upgrade::events:
      return events_tag;
    case web_upgrade::websocket:
      return websocket_tag;
    case web_upgrade::none:
      break;
  }
  return request_tag;
}

// Something for a client that has been upgraded so.
bool is_output(etf::bytes message, web_upgrade upgrade) {
  return (upgrade == web_upgrade::events && is_event(message)) ||
         (upgrade == web_upgrade::websocket && is_websocket_order(message));
}

std::string text_of(const std::string* header) {
  return header == nullptr ? std::string() : *header;
}

void add_missing(net::http_response& response, const std::vector<net::http_header>& headers) {
  for (const net::http_header& one : headers)
    if (response.header(one.name) == nullptr) response.headers.push_back(one);
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
  auto taken = net::stream::adopt(loop, std::move(stream_.socket), tls);
  if (!taken) return runtime::ignore(); // the client has left
  if (const auto peer = taken->peer_address()) {
    peer_address_ = *peer;
    peer_ = peer->to_string();
    peer_host_ = peer->host();
  }
  net::http_connection::owner& told = *this;
  connection_.emplace(loop, std::move(*taken), options, 1, told);
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
  net::http_body_plan out;
  const auto segments = base::path_segments(asked.path());
  if (!segments) return out;
  const auto found = site()->find(asked.method, *segments);
  if (found.status == 0) out.limit = site()->spec().routes[found.route].body;
  return out;
}

void web_connection::ask(const net::http_request& asked, std::uint64_t, std::uint64_t number) {
  note(asked, number);
  route(asked);
}

void web_connection::note(const net::http_request& asked, std::uint64_t number) {
  current_ = std::make_unique<exchange>();
  current_->number = number;
  current_->site = site();
  current_->began = base::mono_now();
  const web_spec& spec = current_->site->spec();
  current_->client = forwarded_client(asked, peer_address_, spec.proxies).value_or("");
  current_->origin = spec.others.allowed(asked);
  current_->takes_gzip = spec.compress_from != 0 && net::http_accepts_coding(asked, "gzip");
  if (spec.log == access_log_format::off) return;
  access_entry& entry = current_->entry;
  entry.method = asked.method;
  entry.target = asked.target;
  entry.minor = asked.minor;
  entry.host = asked.authority();
  entry.referer = text_of(asked.header("referer"));
  entry.agent = text_of(asked.header("user-agent"));
}

void web_connection::route(const net::http_request& asked) {
  web_site& site = *current_->site;
  if (!site.takes_host(asked.authority())) return answer(421);
  if (asked.method == "OPTIONS" && asked.path() == "*") return answer(204);
  if (current_->origin && cross_origin::asks_leave(asked)) return give_leave();
  const auto segments = base::path_segments(asked.path());
  const auto query = base::query_parameters(asked.query());
  if (!segments || !query) return answer(400);
  const web_site::found found = site.find(asked.method, *segments);
  if (found.status == 404) return answer(404);
  if (found.status != 0) return answer(found.status, {{"Allow", found.allow}});
  current_->route = found.route;
  const web_route& to = site.spec().routes[found.route];
  if (!to.location.empty()) return answer(to.status, {{"Location", to.location}});
  if (!to.folder.empty()) return begin_file(asked, *segments);
  if (!may_upgrade(asked)) return;
  if (!sites_->enter(site)) return fail(503, "too many requests wait for an answer");
  current_->in_flight = true;
  std::string path;
  for (const std::string& one : *segments) (path += '/') += one;
  current_->request = !to.feed.empty()
                          ? write_feed_request(to.feed, asked)
                          : write_request(tag_of(to.upgrade), asked, path, found.parameters, *query,
                                          current_->client.empty() ? peer_ : current_->client);
  want_turn();
}

bool web_connection::may_upgrade(const net::http_request& asked) {
  const web_spec& spec = current_->site->spec();
  const web_upgrade to = spec.routes[*current_->route].upgrade;
  if (to == web_upgrade::none) return true;
  if (to == web_upgrade::events && !takes_events(asked)) return answer(406), false;
  if (to == web_upgrade::websocket) {
    if (auto refusal = net::websocket_refusal(asked)) return answer(std::move(*refusal)), false;
    current_->opening = net::websocket_answer(asked);
    current_->protocols = net::websocket_protocols(asked);
  }
  if (spec.others.refuses(asked)) return answer(403), false;
  return true;
}

void web_connection::answered(int status) {
  if (answering_) return;
  // The session's own refusal of a request that has not come to us.
  current_ = std::make_unique<exchange>();
  current_->site = site();
  current_->began = base::mono_now();
  finish(status, 0);
}

void web_connection::abandoned(net::http_exchange it) {
  if (!is_current(it.number)) return;
  constexpr int client_closed = 499; // nginx's number for it, in counts and the log alone
  current_->call = {};               // both end with this process, which does so now
  current_->deadline = 0;
  finish(client_closed, 0);
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
  if (socket_) return; // another protocol's
  if (connection_) count_end(connection_->ended());
  over_ = true;
  want_turn();
}

void web_connection::begin_file(const net::http_request& asked, const std::vector<std::string>& segments) {
  const web_route& route = current_->site->spec().routes[*current_->route];
  const auto below = segments.begin() + static_cast<std::ptrdiff_t>(route.path.rest_begins().value_or(0));
  file_answer found = answer_file(route.folder, {below, segments.end()}, route.index, asked);
  if (found.head.status == 500) return fail(500, "the folder cannot be read");
  if (!found.file) return answer(found.head.status, std::move(found.head.headers));
  add_headers(found.head);
  const std::uint64_t bytes = asked.method == "HEAD" ? 0 : found.length;
  current_->file = sent_file{std::move(found.file), found.offset, bytes, bytes, found.head.status};
  answering_ = true;
  connection_->begin(current_->number, found.head, found.length);
  answering_ = false;
  if (current_) send_file(); // else the client has left
}

void web_connection::writable(net::http_exchange it) {
  if (!is_current(it.number)) return;
  if (current_->file) send_file();
  if (current_ && current_->events) current_->events->full = false;
}

void web_connection::send_file() {
  const std::uint64_t number = current_->number;
  const auto buffer = std::make_unique_for_overwrite<char[]>(file_part);
  for (int i = 0; i < parts_at_once; ++i) {
    sent_file& file = *current_->file;
    if (file.left == 0) {
      finish(file.status, file.bytes);
      connection_->end(number);
      return;
    }
    const ssize_t got = ::pread(file.from.get(), buffer.get(), std::min<std::uint64_t>(file_part, file.left),
                                static_cast<off_t>(file.offset));
    if (got <= 0) { // it has become shorter, or cannot be read
      finish(500, file.bytes - file.left);
      return connection_->break_off(number);
    }
    file.offset += static_cast<std::uint64_t>(got);
    file.left -= static_cast<std::uint64_t>(got);
    if (connection_->write(number, {buffer.get(), static_cast<std::size_t>(got)}) != net::http_written::taken)
      return;
  }
  want_turn(); // others first
}

// In the process's turn ------------------------------------------------------------------------------------

outcome web_connection::receive_io(process& self) {
  asked_ = false;
  if (socket_) return go_on_as_websocket();
  if (over_) return runtime::stop(runtime::reasons::normal());
  if (current_ && current_->request) send(self);
  if (current_ && current_->file) send_file();
  return runtime::carry_on();
}

void web_connection::send(process& self) {
  const web_route& route = current_->site->spec().routes[*current_->route];
  const runtime::destination to = destination_of(route, self);
  const message request = std::exchange(current_->request, {});
  if (to.what() == runtime::destination::kind::none) return fail(502, "its node has no name that can be");
  current_->call = self.monitor(to, {.alias = runtime::alias_until::reply, .request = true});
  runtime::message_writer out;
  out.tuple(2);
  out.atom(deadline_tag);
  out.unsigned_integer(current_->number);
  current_->deadline = self.remind(current_->began + route.timeout, out.take());
  switch (self.send(to, gen::call_message(self, current_->call, request), {.waits = false})) {
    case runtime::send_status::ok:
      return;
    case runtime::send_status::full:
      return fail(503, "its mailbox is full");
    case runtime::send_status::malformed:
      return fail(500, "the request cannot be sent");
    case runtime::send_status::nodedown:
      return fail(502, "its node is not connected");
  }
}

outcome web_connection::receive(process& self, message m) {
  const bool notice = self.origin().notice;
  const bool drain = notice && runtime::is_atom(m, drain_notice);
  if (socket_) {
    if (drain)
      socket_->end_soon();
    else
      socket_->receive(m, notice);
    return runtime::carry_on();
  }
  if (drain) {
    draining_ = true;
    if (current_ && current_->events) end_events();
    if (connection_) connection_->end_soon();
  } else if (!(notice && (take_deadline(self, m) || take_end(self, m) || take_heartbeat(m))) &&
             !take_answer(self, m)) {
    take_output(std::move(m));
  }
  return runtime::carry_on();
}

bool web_connection::is_current(std::uint64_t number) const {
  return current_ && current_->number == number;
}

bool web_connection::take_deadline(process&, const message& m) {
  etf::cursor at(m.bytes());
  std::uint64_t number = 0;
  if (!at.read_tuple_of(2) || !at.read_atom_is(deadline_tag) || !at.read_unsigned(number)) return false;
  if (!is_current(number) || !current_->call) return true;
  current_->deadline = 0;
  fail(504, "no answer came in time");
  return true;
}

bool web_connection::take_end(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(5) || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  etf::bytes reason;
  if (!ref || !at.skip() || !at.skip() || !at.read_term(reason)) return false;
  if (!current_) return true;
  if (current_->events && *ref == current_->events->sender) {
    current_->events->sender = {};
    end_events();
    return true;
  }
  if (!current_->call || *ref != current_->call) return true;
  current_->call = {};
  const message why = m.slice(reason);
  if (why == runtime::reasons::noproc()) {
    fail(502, "there is no such process");
  } else if (why == runtime::reasons::noconnection()) {
    fail(502, "its node is not to be reached");
  } else if (why == runtime::reasons::mailbox_full()) {
    fail(503, "its mailbox is full");
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
  if (!current_ || !current_->call || ref->whole(self.self()) != current_->call) return false;
  current_->call = {};
  if (current_->site->spec().routes[*current_->route].upgrade != web_upgrade::none) {
    if (const auto by = read_accepted(body, self.host().nodes())) {
      begin(self, *by);
      return true;
    }
  }
  auto response = read_answer(body);
  if (response)
    answer(std::move(*response));
  else
    fail(response.error().code == base::errc::limit ? 503 : 502, response.error().text);
  return true;
}

// Upgrades -------------------------------------------------------------------------------------------------

// A handler may send some before it says that it accepts, which comes behind them.
void web_connection::take_output(message m) {
  if (!current_) return;
  if (current_->events) return send_event(m.bytes());
  if (!current_->call || !current_->route || !is_output(m.bytes(), upgrade())) return;
  const std::size_t cost = m.size() + sizeof m;
  if (current_->early_bytes + cost > current_->site->spec().backlog) return;
  current_->early_bytes += cost;
  current_->early.push_back(std::move(m));
}

void web_connection::begin(process& self, const accepted& by) {
  if (current_->deadline != 0) self.cancel_timer(std::exchange(current_->deadline, 0));
  if (upgrade() == web_upgrade::events)
    begin_events(self, by.by);
  else
    begin_websocket(self, by);
}

void web_connection::begin_websocket(process& self, const accepted& by) {
  const web_route& route = current_->site->spec().routes[*current_->route];
  if (!by.protocol.empty()) {
    if (std::ranges::find(current_->protocols, by.protocol) == current_->protocols.end())
      return fail(502, "it accepts with a protocol that the client has not offered");
    current_->opening.headers.push_back({net::websocket_protocol_header, by.protocol});
  }
  add_headers(current_->opening);
  socket_ = std::make_unique<actor_websocket>(self, by.by, current_->site->spec().websockets,
                                              std::string(route.path.text()), [this] { want_turn(); });
  answering_ = true;
  auto upgraded = connection_->upgrade(current_->number, current_->opening);
  answering_ = false;
  auto begun = upgraded ? socket_->begin(std::move(*upgraded)) : unexpected(std::move(upgraded.error()));
  if (!begun) { // the client has left
    socket_.reset();
    connection_.reset();
    over_ = true;
    return want_turn();
  }
  connection_.reset();
  const auto early = std::exchange(current_->early, {});
  finish(current_->opening.status, 0);
  for (const message& one : early) socket_->receive(one, false);
  if (draining_) socket_->end_soon();
}

outcome web_connection::go_on_as_websocket() {
  socket_->turn();
  if (!socket_->over()) return runtime::carry_on();
  count_end(socket_->ended());
  return runtime::stop(runtime::reasons::normal());
}

// Events ---------------------------------------------------------------------------------------------------

void web_connection::begin_events(process& self, const runtime::pid& sender) {
  const web_spec& spec = current_->site->spec();
  net::http_response head;
  head.type = event_stream_type;
  head.headers.push_back({"Cache-Control", "no-store"});
  head.headers.push_back({"X-Accel-Buffering", "no"}); // proxies in front pass each event on
  add_headers(head);
  current_->events = event_stream{self.monitor(runtime::destination(sender)), 0, 0, 0, false};
  count(head.status);
  if (std::exchange(current_->in_flight, false)) sites_->leave();
  const std::uint64_t number = current_->number;
  answering_ = true;
  if (connection_) connection_->end_soon(); // its end is that of the stream, for who monitors this process
  const bool begun = connection_ && connection_->begin(number, head, std::nullopt);
  answering_ = false;
  if (!begun || !send_events(retry_text(spec.retry))) return;
  for (const message& one : std::exchange(current_->early, {}))
    if (current_ && current_->events) send_event(one.bytes());
  if (draining_ && current_ && current_->events) end_events();
}

void web_connection::send_event(etf::bytes event) {
  const auto text = event_text(event);
  if (!text) {
    const web_route& route = current_->site->spec().routes[*current_->route];
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
  if (!is_current(number) || !current_->events) return true;
  current_->events->heartbeat = 0;
  send_events(event_heartbeat);
  return true;
}

bool web_connection::send_events(std::string_view text) {
  if (!current_) return false;
  const std::uint64_t number = current_->number;
  const auto written = connection_ ? connection_->write(number, text) : net::http_written::gone;
  if (written == net::http_written::gone || !current_ || !current_->events) return false;
  event_stream& stream = *current_->events;
  stream.bytes += text.size();
  const bool was_full = std::exchange(stream.full, written == net::http_written::full || stream.full);
  stream.waiting = stream.full && was_full ? stream.waiting + text.size() : 0;
  if (stream.waiting > current_->site->spec().backlog) {
    base::log::counted(base::log::level::notice, "web", "slow client of events",
                       "{}: a client is dropped, which does not take its events", peer_host_);
    finish(200, stream.bytes);
    connection_->break_off(number);
    return false;
  }
  if (stream.heartbeat != 0) self_->cancel_timer(stream.heartbeat);
  runtime::message_writer out;
  out.tuple(2);
  out.atom(heartbeat_tag);
  out.unsigned_integer(number);
  stream.heartbeat = self_->remind(base::mono_now() + current_->site->spec().heartbeat, out.take());
  return true;
}

void web_connection::end_events() {
  const std::uint64_t number = current_->number;
  finish(200, current_->events->bytes);
  if (connection_) connection_->end(number);
}

// Answering ------------------------------------------------------------------------------------------------

void web_connection::fail(int status, std::string_view why) {
  const web_route& route = current_->site->spec().routes[*current_->route];
  base::log::counted(base::log::level::warning, "web",
                     fmt::format("{} {} {}", route.path.text(), status, why), "{}, from {}: {}: {}",
                     route.path.text(), route.to, status, why);
  std::vector<net::http_header> headers;
  if (status == 503) headers.push_back({"Retry-After", std::string(retry_after)});
  answer(status, std::move(headers));
}

void web_connection::answer(int status, std::vector<net::http_header> headers) {
  net::http_response out;
  out.status = status;
  out.headers = std::move(headers);
  if (net::http_has_body(status)) {
    out.type = plain_text;
    out.body = fmt::format("{} {}\n", status, net::http_reason(status));
  }
  answer(std::move(out));
}

void web_connection::give_leave() {
  net::http_response out;
  out.status = 204;
  current_->site->spec().others.add_leave(out);
  answer(std::move(out));
}

void web_connection::answer(net::http_response response) {
  add_headers(response);
  if (current_->site->spec().compress_from != 0)
    compress(response, current_->takes_gzip, current_->site->spec().compress_from);
  const std::uint64_t number = current_->number;
  const std::uint64_t bytes = response.body.size();
  finish(response.status, bytes);
  answering_ = true;
  if (connection_) connection_->answer(number, response);
  answering_ = false;
}

// What the route and the site have for all answers.
void web_connection::add_headers(net::http_response& response) const {
  const cross_origin& others = current_->site->spec().others;
  if (current_->origin) others.add_headers(response, *current_->origin);
  if (others.varies()) {
    net::http_header* const named = response.header("vary");
    if (named == nullptr)
      response.headers.push_back({"Vary", "Origin"});
    else if (!net::http_lists(named->value, "origin"))
      named->value += ", Origin";
  }
  if (current_->route) add_missing(response, current_->site->spec().routes[*current_->route].headers);
  add_missing(response, current_->site->spec().headers);
}

// Once for each request.
void web_connection::count(int status) {
  if (std::exchange(current_->is_counted, true)) return;
  if (current_->route)
    current_->site->counters(*current_->route).count(status, base::mono_now() - current_->began);
  sites_->count(status);
}

// The call, the counts and the log; the connection is as it was.
void web_connection::finish(int status, std::uint64_t bytes) {
  count(status);
  const std::unique_ptr<exchange> it = std::exchange(current_, nullptr);
  if (it->events) {
    if (it->events->sender) self_->demonitor(it->events->sender, true);
    if (it->events->heartbeat != 0) self_->cancel_timer(it->events->heartbeat);
  }
  if (it->in_flight) sites_->leave();
  if (it->call) self_->demonitor(it->call, true);
  if (it->deadline != 0) self_->cancel_timer(it->deadline);
  const base::nanos took = base::mono_now() - it->began;
  const access_log_format format = it->site->spec().log;
  if (format == access_log_format::off || !base::log::enabled(base::log::level::info, "web")) return;
  it->entry.peer = it->client.empty() ? peer_host_ : it->client;
  it->entry.status = status;
  it->entry.bytes = bytes;
  it->entry.took = took;
  base::log::info("web", "{}", access_line(it->entry, format, base::wall_now()));
}

void web_connection::end() noexcept {
  if (const auto it = std::exchange(current_, nullptr); it && it->in_flight) sites_->leave();
  socket_.reset();
  connection_.reset();
}

} // namespace coppice::behaviours
