// SPDX-License-Identifier: MIT
// Tests of a web server's decisions that need no connection: terms of requests and answers, the choice of
// the route, and what is counted and logged.
#include "behaviours/web/request_term.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <string>

#include "behaviours/web/access_log.hpp"
#include "behaviours/web/sites.hpp"

using namespace coppice;

namespace {

// The answer as "STATUS|name: value;…|body". "overloaded", "malformed": it cannot be read.
std::string read(std::string_view erlang) {
  const auto term = etf::parse(erlang);
  REQUIRE(term);
  const auto read = behaviours::read_answer(*term);
  if (!read) return read.error().code == base::errc::limit ? "overloaded" : "malformed";
  std::string out = std::to_string(read->status) + "|";
  for (const auto& one : read->headers) out += one.name + ": " + one.value + ";";
  return out + "|" + read->body;
}

behaviours::web_route route(std::string method, std::string_view path) {
  behaviours::web_route out;
  out.method = std::move(method);
  out.path = *base::path_pattern::parse(path);
  return out;
}

} // namespace

TEST_CASE("a request is one term with all its parts") {
  net::http_request asked;
  asked.method = "GET";
  asked.headers = {{"host", "a"}, {"x", "y"}};
  asked.body = "b";
  const runtime::node_names names("n@h");
  const runtime::pid client{0, 1, 7, 0};
  runtime::message_writer pid;
  runtime::write(pid, client, names);
  const auto term = behaviours::write_request(
      "http", asked, {"/p", {{"id", "7"}}, {{"q", "r"}}, "127.0.0.1:1", {client, 3}}, names);
  const auto wanted = etf::parse(
      std::string(
          "{http,#{method => <<\"GET\">>, path => <<\"/p\">>, params => #{<<\"id\">> => <<\"7\">>}, "
          "query => [{<<\"q\">>,<<\"r\">>}], headers => [{<<\"host\">>,<<\"a\">>},{<<\"x\">>,<<\"y\">>}], "
          "body => <<\"b\">>, peer => <<\"127.0.0.1:1\">>, version => <<\"1.1\">>, client => ") +
      etf::print(pid.take().bytes()) + ", number => 3}}");
  REQUIRE(wanted);
  CHECK(etf::print(term.bytes()).size() == etf::print(*wanted).size());
  for (const char* part :
       {"{http,#{", "method => <<\"GET\">>", "path => <<\"/p\">>", "<<\"id\">> => <<\"7\">>",
        "query => [{<<\"q\">>,<<\"r\">>}]", "version => <<\"1.1\">>", "client => ", "number => 3"})
    CHECK_MESSAGE(etf::print(term.bytes()).find(part) != std::string::npos, part);
  CHECK(etf::print(term.bytes()).find("route") == std::string::npos);
  const auto named =
      behaviours::write_request("http", asked, {"/p", {}, {}, "p", {client, 3}, "list"}, names);
  CHECK(etf::print(named.bytes()).find("route => list") != std::string::npos);
}

TEST_CASE("a request for a named event says how it is to come, and behind which") {
  for (const auto form : {behaviours::web_upgrade::sse, behaviours::web_upgrade::websocket}) {
    const auto read =
        behaviours::read_feed_request(behaviours::write_feed_request({"orders", "7-42", form}).bytes());
    REQUIRE(read);
    CHECK(read->event == "orders");
    CHECK(read->last_id == "7-42");
    CHECK(read->form == form);
  }
  for (const char* none : {"x", "{http_feed, orders, <<>>}", "{http_feed, orders, <<>>, none}",
                           "{http_feed, <<\"orders\">>, <<>>, sse}", "{http_feed, orders, 1, sse}",
                           "{http_events, orders, <<>>, sse}"})
    CHECK_MESSAGE(!behaviours::read_feed_request(*etf::parse(none)), none);

  net::http_request asked;
  CHECK(behaviours::last_event_id(asked, {}) == "");
  CHECK(behaviours::last_event_id(asked, {{"a", "b"}, {"since", "7-1"}, {"since", "7-2"}}) == "7-1");
  CHECK(behaviours::last_event_id(asked, {{"since", std::string(1000, '1')}}).size() == 100);
  asked.headers = {{"last-event-id", "7-3"}};
  CHECK(behaviours::last_event_id(asked, {{"since", "7-1"}}) == "7-3");
}

TEST_CASE("an answer is a status and iodata, with headers or without") {
  struct row {
    const char* term;
    const char* expected;
  };
  const row rows[] = {
      {"{200, <<\"a\">>}", "200||a"},
      {"{404, []}", "404||"},
      {"{200, \"text\"}", "200||text"},
      {"{200, [[<<\"a\">>, $b], [], [[[\"cd\"]]] | <<\"e\">>]}", "200||abcde"},
      {"{201, [{<<\"x-a\">>, [\"b\", <<\"c\">>]}], <<>>}", "201|x-a: bc;|"},
      {"{200, [{\"Set-Cookie\", \"a\"}, {<<\"Set-Cookie\">>, <<\"b\">>}], \"\"}",
       "200|Set-Cookie: a;Set-Cookie: b;|"},
      {"{error, overloaded}", "overloaded"},
      {"{error, other}", "malformed"},
      {"ok", "malformed"},
      {"{200}", "malformed"},
      {"{99, <<>>}", "malformed"},
      {"{600, <<>>}", "malformed"},
      {"{-200, <<>>}", "malformed"},
      {"{200.0, <<>>}", "malformed"},
      {"{200, atom}", "malformed"},
      {"{200, [256]}", "malformed"},
      {"{200, [-1]}", "malformed"},
      {"{200, [<<\"a\">> | $b]}", "malformed"},
      {"{200, 7}", "malformed"},
      {"{200, <<1:1>>}", "malformed"},
      {"{200, nope, <<>>}", "malformed"},
      {"{200, [{<<\"a b\">>, <<>>}], <<>>}", "malformed"},
      {"{200, [{<<>>, <<>>}], <<>>}", "malformed"},
      {"{200, [{<<\"a\">>, <<\"b\\r\\nc: d\">>}], <<>>}", "malformed"},
      {"{200, [{<<\"a\">>, 7}], <<>>}", "malformed"},
      {"{200, [{<<\"a\">>, <<>>} | x], <<>>}", "malformed"},
      {"{200, [], {stream, x}}", "malformed"},
  };
  for (const row& each : rows) {
    CAPTURE(each.term);
    CHECK(read(each.term) == each.expected);
  }
}

TEST_CASE("the first route that fits has a request, and who asks in another way hears what would") {
  auto spec = std::make_shared<behaviours::web_spec>();
  spec->routes.push_back(route("GET", "/a"));
  spec->routes.push_back(route("POST", "/a"));
  spec->routes.push_back(route("", "/{any}"));
  spec->routes.push_back(route("GET", "/b/c"));
  const behaviours::web_site site(spec);
  CHECK(site.find("GET", {"a"}).route == 0);
  CHECK(site.find("HEAD", {"a"}).route == 0);
  CHECK(site.find("POST", {"a"}).route == 1);
  CHECK(site.find("PUT", {"a"}).route == 2);
  CHECK(site.find("GET", {"b", "d"}).status == 404);
  CHECK(site.find("PUT", {"b", "c"}).status == 405);
  CHECK(site.find("PUT", {"b", "c"}).allow == "GET, HEAD, OPTIONS");
  CHECK(site.find("OPTIONS", {"b", "c"}).status == 204);
}

TEST_CASE("a percentile is at most a quarter above what was counted") {
  behaviours::route_counters counters;
  CHECK(counters.percentile(0.5) == 0);
  for (int i = 0; i < 99; ++i) counters.count(200, 100'000);
  counters.count(500, 5'000'000'000);
  CHECK(counters.requests() == 100);
  CHECK(counters.errors() == 1);
  CHECK(counters.percentile(0.5) >= 100);
  CHECK(counters.percentile(0.5) <= 125);
  CHECK(counters.percentile(1.0) >= 5'000'000);
  CHECK(counters.percentile(1.0) <= 6'250'000);
  counters.count(200, INT64_MAX);
  CHECK(counters.requests() == 101);
}

TEST_CASE("a site takes its hosts' requests, whatever their case and port") {
  auto spec = std::make_shared<behaviours::web_spec>();
  CHECK(behaviours::web_site(spec).takes_host("any"));
  spec->hosts = {"shop.example", "[::1]"};
  const behaviours::web_site site(spec);
  for (const char* good : {"shop.example", "SHOP.example:80", "[::1]", "[::1]:8080"})
    CHECK(site.takes_host(good));
  for (const char* bad : {"", "shop.example.org", "xshop.example", "::1", "other"})
    CHECK_FALSE(site.takes_host(bad));
}

TEST_CASE("an access line is as Apache has it, or JSON, and no client ends it") {
  behaviours::access_entry entry;
  entry.peer = "127.0.0.1";
  entry.method = "GET";
  entry.target = "/a\"b";
  entry.agent = "x\n\x7f\\";
  entry.status = 200;
  entry.bytes = 5;
  using format = behaviours::access_log_format;
  CHECK(behaviours::access_line(entry, format::common, 0) ==
        R"(127.0.0.1 - - [01/Jan/1970:00:00:00 +0000] "GET /a\"b HTTP/1.1" 200 5)");
  CHECK(behaviours::access_line(entry, format::combined, 0).ends_with(R"( 200 5 "-" "x\x0a\x7f\\")"));
  CHECK(behaviours::access_line(entry, format::json, 0).find(R"("agent":"x\u000a\u007f\\")") !=
        std::string::npos);
}
