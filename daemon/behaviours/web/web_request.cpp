// SPDX-License-Identifier: MIT
// The data of a request, its counts, and how its answer is completed. The connection's process, or libuv's
// callbacks on its worker.
#include "behaviours/web/web_request.hpp"

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "base/ascii.hpp"
#include "base/log.hpp"
#include "behaviours/web/compression.hpp"
#include "behaviours/web/forwarded.hpp"
#include "net/http/http_conditions.hpp"
#include "net/http/websocket.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view deadline_tag = "$coppice_web_deadline";

std::string text_of(const std::string* header) {
  return header == nullptr ? std::string() : *header;
}

void add_missing(net::http_response& response, const std::vector<net::http_header>& headers) {
  for (const net::http_header& one : headers)
    if (response.header(one.name) == nullptr) response.headers.push_back(one);
}

// Whether the client has this answer already, by the answer's own entity tag or date.
bool is_known(net::http_request known, net::http_response& answer) {
  if (answer.status != 200 || known.headers.empty()) return false;
  const net::http_header* const tag = answer.header("etag");
  const net::http_header* const modified = answer.header("last-modified");
  const auto since = modified == nullptr ? std::nullopt : net::read_http_date(modified->value);
  // With If-None-Match the date is ignored, whatever the answer has (RFC 9110, 13.1.3).
  const bool by_tag = known.header("if-none-match") != nullptr;
  if (by_tag ? tag == nullptr : !since) return false;
  std::string_view strong = tag == nullptr ? std::string_view() : std::string_view(tag->value);
  if (strong.starts_with("W/")) strong.remove_prefix(2);
  return net::judge(known, {std::string(strong), since.value_or(0), answer.body.size()}, 0).status == 304;
}

} // namespace

web_request::web_request(std::uint64_t number, std::shared_ptr<web_site> at, web_sites& all)
    : number_(number), site_(std::move(at)), all_(all), began_(base::mono_now()) {}

web_request::~web_request() {
  if (!is(web_request_state::ended)) advance(web_request_event::ends);
}

void web_request::note(const net::http_request& asked, const base::socket_address& peer) {
  client_ = forwarded_client(asked, peer, spec().proxies, spec().proxies_say).value_or("");
  origin_ = spec().others.allowed(asked);
  takes_gzip_ = spec().compress_from != 0 && net::http_accepts_coding(asked, "gzip");
  if (asked.method == "GET" || asked.method == "HEAD")
    for (const net::http_header& one : asked.headers)
      if (one.name == "if-none-match" || one.name == "if-modified-since") known_.headers.push_back(one);
  if (spec().log == access_log_format::off) return;
  entry_.method = asked.method;
  entry_.target = asked.target;
  entry_.minor = asked.minor;
  entry_.host = asked.authority();
  entry_.referer = text_of(asked.header("referer"));
  entry_.agent = text_of(asked.header("user-agent"));
}

// Its state ------------------------------------------------------------------------------------------------

bool web_request::enter() {
  if (!all_.enter(*site_, *route_)) return false;
  advance(web_request_event::queues);
  return true;
}

// Counts what changes with the state.
void web_request::advance(web_request_event on) noexcept {
  const web_request_progress before = state_;
  state_.take(on);
  const bool was_awaiting = before.is(web_request_state::awaiting);
  const bool is_awaiting = state_.is(web_request_state::awaiting);
  if (was_awaiting != is_awaiting) all_.wait_for_client(is_awaiting);
  if (before.is_in_flight() && !state_.is_in_flight()) all_.leave(*site_, *route_);
}

void web_request::begin_file(sent_file what) {
  file_ = std::move(what);
  advance(web_request_event::begins_file);
}

void web_request::begin_events(event_stream what, int status) {
  events_ = std::move(what);
  count(status);
  advance(web_request_event::begins_events);
}

void web_request::begin_stream(int status) {
  streams_->status = status;
  streams_->progress = base::mono_now();
  count(status);
  advance(web_request_event::begins_stream);
}

// A request that waits for its client's body counts for its route only. Otherwise clients that send slowly
// would keep all others out of the site.
void web_request::look_who_is_waited_for() {
  if (!is_in_flight() || !streams_) return;
  const bool waits = streams_->bodies->waits_for_client();
  advance(waits ? web_request_event::awaits_client : web_request_event::hears_client);
}

// The process that is asked --------------------------------------------------------------------------------

void web_request::remind_of_deadline(runtime::process& self, base::nanos at) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom(deadline_tag);
  out.unsigned_integer(number_);
  deadline_ = self.remind(at, out.take());
}

bool web_request::read_deadline(const runtime::message& m, std::uint64_t& number) {
  etf::cursor at(m.bytes());
  return at.read_tuple_of(2) && at.read_atom_is(deadline_tag) && at.read_unsigned(number);
}

void web_request::cancel_deadline(runtime::process& self) {
  if (deadline_ != 0) self.cancel_timer(std::exchange(deadline_, 0));
}

void web_request::keep_early(runtime::message m) {
  const std::size_t cost = m.size() + sizeof m;
  if (early_bytes_ + cost > spec().backlog) return;
  early_bytes_ += cost;
  early_.push_back(std::move(m));
}

std::vector<runtime::message> web_request::take_early() {
  early_bytes_ = 0;
  return std::exchange(early_, {});
}

void web_request::offer_websocket(const net::http_request& asked) {
  websocket_ = websocket_offer{net::websocket_answer(asked), net::websocket_protocols(asked)};
}

void web_request::watch(runtime::process& self, const runtime::pid& who) {
  if (streams_->watch && streams_->watched == who) return;
  if (streams_->watch) self.demonitor(streams_->watch, true);
  streams_->watched = who;
  streams_->watch = self.monitor(runtime::destination(who));
}

// Late only if a process has to do something: the client has deadlines of its own.
bool web_request::is_stream_late(runtime::process& self) {
  const base::nanos timeout = route().timeout;
  const base::nanos now = base::mono_now();
  const base::nanos since = streams_->bodies->waits_for_process() ? streams_->progress : now;
  if (since + timeout <= now) return true;
  remind_of_deadline(self, since + timeout);
  return false;
}

// Its answer -----------------------------------------------------------------------------------------------

void web_request::add_headers(net::http_response& response) const {
  const cross_origin& others = spec().others;
  if (origin_) others.add_headers(response, *origin_);
  if (others.varies()) {
    net::http_header* const named = response.header("vary");
    if (named == nullptr)
      response.headers.push_back({"Vary", "Origin"});
    else if (!net::http_lists(named->value, "origin"))
      named->value += ", Origin";
  }
  if (route_) add_missing(response, route().headers);
  add_missing(response, spec().headers);
}

void web_request::complete(net::http_response& response) {
  const bool known = is_known(std::move(known_), response);
  add_headers(response);
  if (spec().compress_from != 0) compress(response, takes_gzip_, spec().compress_from);
  if (!known) return;
  // With the ETag and Vary of the whole answer (RFC 9110, 15.4.5).
  response.status = 304;
  response.type.clear();
  response.body.clear();
  std::erase_if(response.headers, [](const net::http_header& one) {
    return base::is_same_in_ascii(one.name, "content-encoding");
  });
}

// Once for each request.
void web_request::count(int status) {
  if (route_) site_->counters(*route_).count(status, base::mono_now() - began_);
  all_.count(status);
}

void web_request::finish(runtime::process& self, int status, std::uint64_t bytes, const std::string& peer) {
  if (!state_.is_counted()) count(status);
  if (events_) {
    if (events_->sender) self.demonitor(events_->sender, true);
    if (events_->heartbeat != 0) self.cancel_timer(events_->heartbeat);
  }
  if (streams_ && streams_->watch) self.demonitor(streams_->watch, true);
  advance(web_request_event::ends);
  if (call_) self.demonitor(call_, true);
  cancel_deadline(self);
  const base::nanos took = base::mono_now() - began_;
  const access_log_format format = spec().log;
  if (format == access_log_format::off || !base::log::enabled(base::log::level::info, "web")) return;
  entry_.peer = client_.empty() ? peer : client_;
  entry_.status = status;
  entry_.bytes = bytes;
  entry_.took = took;
  base::log::info("web", "{}", access_line(entry_, format, base::wall_now()));
}

} // namespace coppice::behaviours
