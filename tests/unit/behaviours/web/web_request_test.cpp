// SPDX-License-Identifier: MIT
// Tests of a request at a web server's connection: where it counts, however it ends, and the headers of its
// answer.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "behaviours/web/web_request.hpp"

namespace coppice::behaviours {
namespace {

using event = web_request_event;

std::shared_ptr<web_spec> one_route() {
  auto spec = std::make_shared<web_spec>();
  spec->routes.emplace_back();
  return spec;
}

struct served {
  explicit served(std::shared_ptr<const web_spec> spec) : sites(std::move(spec), {}, "test") {}
  std::unique_ptr<web_request> arrived(std::uint64_t number = 1) {
    auto out = std::make_unique<web_request>(number, sites.now(), sites);
    out->take_route(0);
    return out;
  }
  // Whether the route, which takes one request, has no room for another.
  bool counts_on_route() {
    route_counters& route = sites.now()->counters(0);
    if (!route.enter(1)) return true;
    route.leave();
    return false;
  }

  web_sites sites;
};

net::http_request get(std::vector<net::http_header> headers) {
  net::http_request out;
  out.method = "GET";
  out.target = "/";
  out.headers = std::move(headers);
  return out;
}

net::http_response page() {
  net::http_response out;
  out.headers = {{"ETag", "\"a\""}};
  out.type = "text/plain";
  out.body = "the page";
  return out;
}

} // namespace

TEST_CASE("a request counts where its state says, and nowhere when it is destroyed, whatever its state") {
  struct row {
    std::vector<event> on;
    std::uint32_t in_all;
    bool on_route;
  };
  const std::vector<row> rows{
      {{}, 1, true},
      {{event::awaits_client}, 1, true},
      {{event::is_sent}, 1, true},
      {{event::is_sent, event::awaits_client}, 0, true},
      {{event::is_sent, event::awaits_client, event::hears_client}, 1, true},
      {{event::is_sent, event::begins_events}, 0, false},
      {{event::is_sent, event::awaits_client, event::begins_stream}, 0, false},
      {{event::is_sent, event::awaits_client, event::ends}, 0, false},
      {{event::is_sent, event::begins_stream, event::ends}, 0, false},
      {{event::ends}, 0, false},
  };
  served site(one_route());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    auto request = site.arrived();
    REQUIRE(request->enter());
    for (const event on : rows[i].on) request->advance(on);
    CHECK(site.sites.in_flight() == rows[i].in_all);
    CHECK(site.counts_on_route() == rows[i].on_route);
    request.reset();
    CHECK(site.sites.in_flight() == 0);
    CHECK_FALSE(site.counts_on_route());
  }
}

TEST_CASE("beyond the bound of its site or its route a request does not enter, and counts nowhere") {
  auto spec = one_route();
  SUBCASE("site") {
    spec->in_flight = 1;
  }
  SUBCASE("route") {
    spec->routes[0].in_flight = 1;
  }
  served site(spec);
  auto first = site.arrived(1);
  const auto second = site.arrived(2);
  REQUIRE(first->enter());
  CHECK_FALSE(second->enter());
  CHECK(second->is(web_request_state::arrived));
  CHECK(site.sites.in_flight() == 1);
  first.reset();
  CHECK(second->enter());
}

TEST_CASE("an answer has the headers of its route and its site, unless it has its own") {
  auto spec = one_route();
  spec->headers = {{"X-Site", "site"}, {"X-Both", "site"}};
  spec->routes[0].headers = {{"X-Both", "route"}, {"X-Own", "route"}};
  served site(spec);
  const auto request = site.arrived();
  net::http_response answer = page();
  answer.headers.push_back({"X-Own", "answer"});
  request->complete(answer);
  CHECK(answer.header("x-site")->value == "site");
  CHECK(answer.header("x-both")->value == "route");
  CHECK(answer.header("x-own")->value == "answer");
  CHECK(answer.body == "the page");
}

TEST_CASE("a client that has the answer already is told so, with the headers and without the body") {
  served site(one_route());
  const auto request = site.arrived();
  request->note(get({{"if-none-match", "\"a\""}}), {});
  net::http_response answer = page();
  request->complete(answer);
  CHECK(answer.status == 304);
  CHECK(answer.body.empty());
  CHECK(answer.header("etag")->value == "\"a\"");
  const auto other = site.arrived(2);
  other->note(get({{"if-none-match", "\"b\""}}), {});
  net::http_response whole = page();
  other->complete(whole);
  CHECK(whole.status == 200);
  CHECK(whole.body == "the page");
}

TEST_CASE("what comes for a client before it was accepted is kept in order, up to the backlog") {
  auto spec = one_route();
  const auto message = runtime::message::atom("event");
  spec->backlog = 2 * (message.size() + sizeof message);
  served site(spec);
  const auto request = site.arrived();
  request->keep_early(message);
  request->keep_early(runtime::message::atom("other"));
  request->keep_early(message); // beyond the backlog
  const auto kept = request->take_early();
  REQUIRE(kept.size() == 2);
  CHECK(kept[0] == message);
  CHECK(kept[1] == runtime::message::atom("other"));
  CHECK(request->take_early().empty());
}

} // namespace coppice::behaviours
