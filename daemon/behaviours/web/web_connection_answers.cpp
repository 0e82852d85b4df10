// SPDX-License-Identifier: MIT
// The part of web_connection that answers a request, with the actor's answer or a status of the server, and
// counts and logs it. In the process's turns, and in libuv's callbacks where a request is refused.
#include <fmt/format.h>

#include <utility>

#include "base/ascii.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "behaviours/web/compression.hpp"
#include "behaviours/web/web_connection.hpp"
#include "net/http/http_conditions.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view retry_after = "1"; // seconds
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

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

void web_connection::fail(int status, std::string_view why, std::string_view reason) {
  const web_route& route = current_->site->spec().routes[*current_->route];
  base::log::counted(base::log::level::warning, "web",
                     fmt::format("{} {} {}", route.path.text(), status, why), "{}, from {}: {}: {}",
                     route.path.text(), route.to, status, why);
  if (current_->state.is(web_request_state::streaming)) return cut_stream(why, reason);
  tell_aborted(reason);
  std::vector<net::http_header> headers;
  if (status == 503) headers.push_back({"Retry-After", std::string(retry_after)});
  answer(status, std::move(headers));
}

void web_connection::fail(web_overload what, std::string_view why) {
  sites_->count(what);
  fail(503, why);
}

void web_connection::answer(int status, std::vector<net::http_header> headers) {
  net::http_response out;
  out.status = status;
  out.headers = std::move(headers);
  if (net::http_has_content(status)) {
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
  const bool known = is_known(std::move(current_->known), response);
  add_headers(response);
  if (current_->site->spec().compress_from != 0)
    compress(response, current_->takes_gzip, current_->site->spec().compress_from);
  if (known) { // with the ETag and Vary of the whole answer (RFC 9110, 15.4.5)
    response.status = 304;
    response.type.clear();
    response.body.clear();
    std::erase_if(response.headers, [](const net::http_header& one) {
      return base::is_same_in_ascii(one.name, "content-encoding");
    });
  }
  const std::uint64_t number = current_->number;
  const std::uint64_t bytes = response.body.size();
  finish(response.status, bytes);
  if (connection_) connection_->answer(number, response);
}

// Adds the headers that the route and the site have for all answers.
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
  if (current_->route)
    current_->site->counters(*current_->route).count(status, base::mono_now() - current_->began);
  sites_->count(status);
}

// Ends the request: its monitors and timers, its counts and its line in the log. The connection is not
// touched.
void web_connection::finish(int status, std::uint64_t bytes) {
  if (!current_->state.is_counted()) count(status);
  const std::unique_ptr<exchange> it = std::exchange(current_, nullptr);
  if (it->events) {
    if (it->events->sender) self_->demonitor(it->events->sender, true);
    if (it->events->heartbeat != 0) self_->cancel_timer(it->events->heartbeat);
  }
  if (it->streams && it->streams->watch) self_->demonitor(it->streams->watch, true);
  advance(*it, web_request_event::ends);
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

} // namespace coppice::behaviours
