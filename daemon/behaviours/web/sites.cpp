// SPDX-License-Identifier: MIT
// Routes are matched in their order; a path that matches with another method only gives 405. Any thread.
#include "behaviours/web/sites.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/ascii.hpp"
#include "behaviours/supervision/child_spec.hpp"

namespace coppice::behaviours {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

// Where requests of the route go, for people.
std::string goal_of(const web_route& route) {
  if (!route.folder.empty()) return route.folder;
  if (!route.location.empty()) return route.location;
  if (route.actor != nullptr) return route.actor->actor;
  return route.node.empty() ? route.to : route.to + "@" + route.node;
}

// The host without its port; an IPv6 address keeps its brackets.
std::string_view host_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const bool is_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  return is_port ? authority.substr(0, colon) : authority;
}

} // namespace

// Counting ------------------------------------------------------------------------------------------------

std::size_t route_counters::bucket_of(std::uint64_t microseconds) {
  if (microseconds < 4) return static_cast<std::size_t>(microseconds);
  const auto power = static_cast<std::size_t>(std::bit_width(microseconds)) - 1;
  const auto quarter = static_cast<std::size_t>(microseconds >> (power - 2)) & 3;
  return std::min((power - 1) * 4 + quarter, buckets - 1);
}

std::uint64_t route_counters::bound_of(std::size_t bucket) {
  if (bucket < 4) return bucket;
  const std::size_t power = bucket / 4 + 1;
  return ((std::uint64_t{5} + bucket % 4) << (power - 2)) - 1;
}

bool route_counters::enter(std::uint32_t most) {
  if (in_flight_.fetch_add(1, relaxed) < most) return true;
  leave();
  return false;
}

void route_counters::count(int status, base::nanos took) {
  answered_[static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1)].fetch_add(1, relaxed);
  const auto microseconds = static_cast<std::uint64_t>(std::max<base::nanos>(took, 0) / 1000);
  sum_.fetch_add(microseconds, relaxed);
  took_[bucket_of(microseconds)].fetch_add(1, relaxed);
}

std::uint64_t route_counters::requests() const {
  std::uint64_t all = 0;
  for (const auto& one : took_) all += one.load(relaxed);
  return all;
}

std::vector<std::uint64_t> route_counters::took_less(const std::vector<std::uint64_t>& times) const {
  std::vector<std::uint64_t> out;
  std::uint64_t seen = 0;
  std::size_t at = 0;
  for (const std::uint64_t time : times) {
    for (; at < buckets && bound_of(at) < time; ++at) seen += took_[at].load(relaxed);
    out.push_back(seen);
  }
  for (; at < buckets; ++at) seen += took_[at].load(relaxed);
  out.push_back(seen);
  return out;
}

std::uint64_t route_counters::percentile(double of) const {
  const std::uint64_t all = requests();
  if (all == 0) return 0;
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(static_cast<double>(all) * of)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i)
    if ((seen += took_[i].load(relaxed)) >= wanted) return bound_of(i);
  return bound_of(buckets - 1);
}

std::string_view text(web_overload of) {
  switch (of) {
    case web_overload::in_flight:
      return "in_flight";
    case web_overload::mailbox:
      return "mailbox";
    case web_overload::slow_events:
      return "slow_events";
    case web_overload::slow_websocket:
      break;
  }
  return "slow_websocket";
}

// The site ------------------------------------------------------------------------------------------------

web_site::found web_site::place(const net::http_request& asked) const {
  if (!takes_host(asked.authority())) return {421};
  if (asked.method == "OPTIONS" && asked.path() == "*") return {204};
  if (cross_origin::asks_leave(asked) && spec().others.allowed(asked))
    return {.status = 204, .is_preflight = true};
  auto segments = base::path_segments(asked.path());
  auto query = base::query_parameters(asked.query());
  if (!segments || !query) return {400};
  found out = find(asked.method, *segments);
  out.segments = std::move(*segments);
  out.query = std::move(*query);
  return out;
}

web_site::found web_site::find(std::string_view method, const std::vector<std::string>& segments) const {
  std::vector<std::string> allowed;
  const auto allow = [&](std::string_view one) {
    if (std::ranges::find(allowed, one) == allowed.end()) allowed.emplace_back(one);
  };
  for (std::size_t i = 0; i < spec().routes.size(); ++i) {
    const web_route& route = spec().routes[i];
    auto parameters = route.path.match(segments);
    if (!parameters) continue;
    if (route.takes(method)) return {0, i, std::move(*parameters)};
    allow(route.method);
    if (route.takes("HEAD")) allow("HEAD");
  }
  if (allowed.empty()) return {404};
  allow("OPTIONS");
  found out{method == "OPTIONS" ? 204 : 405};
  for (const std::string& one : allowed) out.allow += (out.allow.empty() ? "" : ", ") + one;
  return out;
}

bool web_site::takes_host(std::string_view authority) const {
  const std::string_view host = host_of(authority);
  return spec().hosts.empty() || std::ranges::any_of(spec().hosts, [&](const std::string& one) {
           return base::is_same_in_ascii(host, one);
         });
}

web_sites::web_sites(std::shared_ptr<const web_spec> first, runtime::message env, std::string label)
    : env_(std::move(env)),
      label_(std::move(label)),
      site_(std::make_shared<web_site>(std::move(first))),
      unfinished_(site_->spec().unfinished) {}

void web_sites::set(std::shared_ptr<const web_spec> next) {
  auto made = std::make_shared<web_site>(std::move(next));
  unfinished_.set_limit(made->spec().unfinished);
  const std::lock_guard hold(lock_);
  site_ = std::move(made);
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<web_site> web_sites::now() const {
  const std::lock_guard hold(lock_);
  return site_;
}

bool web_sites::enter(web_site& by, std::size_t route) {
  if (in_flight_.fetch_add(1, relaxed) < by.spec().in_flight &&
      by.counters(route).enter(by.spec().routes[route].in_flight))
    return true;
  in_flight_.fetch_sub(1, relaxed);
  return false;
}

void web_sites::leave(web_site& by, std::size_t route) {
  in_flight_.fetch_sub(1, relaxed);
  by.counters(route).leave();
}

void web_sites::wait_for_client(bool waits) {
  if (waits)
    in_flight_.fetch_sub(1, relaxed);
  else
    in_flight_.fetch_add(1, relaxed);
}

bool web_sites::linger() {
  if (lingering_.fetch_add(1, relaxed) < most_lingering) return true;
  stop_lingering();
  return false;
}

void web_sites::count(int status) {
  const auto at = static_cast<std::size_t>(std::max(status - first_status, 0));
  if (at < answered_.size()) answered_[at].fetch_add(1, relaxed);
}

std::vector<std::pair<int, std::uint64_t>> web_sites::answered() const {
  std::vector<std::pair<int, std::uint64_t>> out;
  for (std::size_t i = 0; i < answered_.size(); ++i)
    if (const std::uint64_t count = answered_[i].load(relaxed); count != 0)
      out.emplace_back(static_cast<int>(i) + first_status, count);
  return out;
}

void web_sites::write_report(runtime::message_writer& out) const {
  out.atom("in_flight");
  out.unsigned_integer(in_flight());
  out.atom("client_actors");
  out.unsigned_integer(client_actors());
  const auto statuses = answered();
  out.atom("answered");
  out.map(static_cast<std::uint32_t>(statuses.size()));
  for (const auto& [status, count] : statuses) {
    out.atom(std::to_string(status));
    out.unsigned_integer(count);
  }
  const std::shared_ptr<const web_site> site = now();
  const std::vector<web_route>& routes = site->spec().routes;
  out.atom("routes");
  out.list(static_cast<std::uint32_t>(routes.size()));
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const web_route& one = routes[i];
    const route_counters& counted = site->counters(i);
    out.map(6);
    out.atom("path");
    out.binary(one.name());
    out.atom("to");
    out.binary(goal_of(one));
    out.atom("requests");
    out.unsigned_integer(counted.requests());
    out.atom("errors");
    out.unsigned_integer(counted.errors());
    out.atom("p50_us");
    out.unsigned_integer(counted.percentile(0.5));
    out.atom("p99_us");
    out.unsigned_integer(counted.percentile(0.99));
  }
  out.nil();
}

} // namespace coppice::behaviours
