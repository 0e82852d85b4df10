// SPDX-License-Identifier: MIT
// See web_site.hpp.
#include "node/assembly/web_site.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "behaviours/channels/event_channels.hpp"

namespace coppice::node {
namespace {

std::vector<net::http_header> convert(const std::vector<spec::web_header>& from) {
  std::vector<net::http_header> out;
  for (const spec::web_header& one : from) out.push_back({one.name, one.value});
  return out;
}

behaviours::web_route convert(const spec::web_route& from, const spec::web_options& whole) {
  behaviours::web_route out;
  out.method = from.method;
  if (auto path = base::path_pattern::parse(from.path)) out.path = std::move(*path);
  const auto cut = from.to.find('@');
  out.to = from.to.substr(0, cut);
  out.as = from.as;
  if (cut != std::string::npos) out.node = from.to.substr(cut + 1);
  if (from.redirect) {
    out.location = from.redirect->to;
    out.status = static_cast<int>(from.redirect->status);
  }
  out.folder = from.files.value_or("");
  out.index = from.index.value_or("index.html");
  out.upgrade = from.upgrade;
  out.feed = from.event;
  if (!out.feed.empty()) out.to = behaviours::event_channels::service_name;
  if (!out.folder.empty() || out.upgrade != behaviours::web_upgrade::none) out.method = "GET";
  out.timeout = base::to_nanos(from.timeout.value_or(whole.timeouts.request));
  out.body = from.limits.body.value_or(whole.limits.body);
  out.in_flight = from.limits.in_flight.value_or(UINT32_MAX);
  out.streamed = !from.to.empty() && out.upgrade == behaviours::web_upgrade::none &&
                 from.body.value_or(whole.body) == spec::web_body::streamed;
  out.headers = convert(from.headers);
  return out;
}

} // namespace

std::shared_ptr<behaviours::web_spec> web_site(const spec::web_options& from) {
  auto out = std::make_shared<behaviours::web_spec>();
  net::http_options& http = out->http;
  http.requests = from.limits.requests_per_connection;
  http.limits = {from.limits.uri, from.limits.header, from.limits.headers, from.limits.body};
  http.timeouts = {from.timeouts.header, from.timeouts.body, from.timeouts.idle, from.timeouts.write};
  // Enough room for one body or message of the largest permitted size.
  std::uint64_t unfinished = std::max(from.limits.unfinished, from.websocket.max_message);
  for (const spec::web_route& one : from.routes) {
    const behaviours::web_route& made = out->routes.emplace_back(convert(one, from));
    http.limits.body = std::max(http.limits.body, made.body);
    if (!made.streamed) unfinished = std::max<std::uint64_t>(unfinished, made.body);
  }
  out->unfinished = static_cast<std::size_t>(unfinished);
  for (const std::string& one : from.hosts) out->hosts.push_back(base::ascii_lower(one));
  out->headers = convert(from.headers);
  out->others = {from.cors.origins,     from.cors.methods,
                 from.cors.headers,     from.cors.expose,
                 from.cors.credentials, static_cast<std::uint32_t>(from.cors.max_age.count() / 1000)};
  out->proxies = base::access_list::parse(from.proxies, {}).value_or(base::access_list());
  out->proxies_say = from.proxy_header;
  out->compress_from = from.compress_from;
  out->in_flight = from.limits.in_flight;
  out->log = from.access_log;
  out->heartbeat = base::to_nanos(from.sse.heartbeat);
  out->retry = base::to_nanos(from.sse.retry);
  out->backlog = static_cast<std::size_t>(from.sse.queue);
  out->websockets.of = {static_cast<std::size_t>(from.websocket.max_message), from.websocket.ping,
                        from.websocket.pong, from.timeouts.write, from.websocket.message};
  out->websockets.backlog = static_cast<std::size_t>(from.websocket.queue);
  return out;
}

} // namespace coppice::node
