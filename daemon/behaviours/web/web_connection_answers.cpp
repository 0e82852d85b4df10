// SPDX-License-Identifier: MIT
// The part of web_connection that answers a request, with the actor's answer or a status of the server. In
// the process's turns, and in libuv's callbacks where a request is refused.
#include <fmt/format.h>

#include <utility>

#include "base/log_counted.hpp"
#include "behaviours/web/web_connection.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view retry_after = "1"; // seconds
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

} // namespace

void web_connection::fail(int status, std::string_view why, std::string_view reason) {
  const web_route& route = current_->route();
  base::log::counted(base::log::level::warning, "web",
                     fmt::format("{} {} {}", route.path.text(), status, why), "{}, from {}: {}: {}",
                     route.path.text(), route.to, status, why);
  if (current_->is(web_request_state::streaming)) return cut_stream(why, reason);
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
  current_->spec().others.add_leave(out);
  answer(std::move(out));
}

void web_connection::answer(net::http_response response) {
  current_->complete(response);
  const std::uint64_t number = current_->number();
  const std::uint64_t bytes = response.body.size();
  finish(response.status, bytes);
  if (connection_) connection_->answer(number, response);
}

void web_connection::finish(int status, std::uint64_t bytes) {
  if (current_->streams() != nullptr) current_->streams()->bodies->answered();
  const auto it = std::exchange(current_, nullptr);
  it->finish(*self_, status, bytes, peer_host_);
}

} // namespace coppice::behaviours
