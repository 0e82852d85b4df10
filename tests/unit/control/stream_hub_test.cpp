// SPDX-License-Identifier: MIT
// The readers of a stream, over a server on loopback: a whole document, its changes, lines of the log, and a
// reader that does not take its bytes.
#include "control/stream_hub.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <optional>

#include "base/json_text.hpp"
#include "net/loop_until.hpp"
#include "net/stream/stream.hpp"
#include "net/stream_recorder.hpp"

using namespace coppice;
using namespace std::chrono_literals;
using control::stream_hub;
using control::topic;
using nlohmann::json;

namespace {

struct client {
  test::recorder heard;
  net::stream to;

  bool has(std::string_view part) const { return heard.received.find(part) != std::string::npos; }
};

// /log streams the log, /terms the status with all its contents, any other path the status without `secret`.
struct place {
  explicit place(std::size_t most = 64) {
    net::http_options options;
    options.timeouts.write = 2s;
    net::http_handlers handlers{[this](const net::http_request& asked, net::http_exchange from) {
      if (hub->is_full()) return server->answer(from, {503});
      hub->open(from, {asked.path() == "/log" ? topic::log : topic::status}, asked.path() == "/terms");
    }};
    handlers.abandoned = [this](net::http_exchange it) { hub->left(it); };
    handlers.writable = [this](net::http_exchange it) { hub->writable(it); };
    made.emplace(net::http_server::start(loop.raw(), base::socket_address::parse("127.0.0.1", 0).value(),
                                         options, std::move(handlers))
                     .value());
    server = &*made;
    control::stream_sources from{[this](topic) {
                                   ++samples;
                                   if (document.contains("made")) document["made"] = samples;
                                   return document;
                                 },
                                 [](topic, json& all) { all.erase("secret"); },
                                 [this](std::uint64_t number) { return lines_from(number); },
                                 [](const base::log::log_ring::line& one) { return json(one.number); },
                                 [] { return base::nanos{0}; }}; // making a document takes no time
    hub.emplace(loop.raw(), server, std::move(from), most, 5ms);
  }
  ~place() {
    hub->end();
    clients.clear();
    made.reset();
  }
  base::log::log_ring::page lines_from(std::uint64_t number) const {
    base::log::log_ring::page page;
    for (std::uint64_t one = std::max<std::uint64_t>(number, 1); one <= last_line; ++one)
      page.lines.push_back({one, {}});
    page.next = last_line + 1;
    return page;
  }
  client& ask(const std::string& path) {
    client& fresh = clients.emplace_back();
    fresh.heard.keep_after_end = true;
    fresh.to = net::stream::connect(loop.raw(), server->address(), {}, fresh.heard).value();
    REQUIRE(until([&] { return fresh.heard.connected; }));
    fresh.to.write("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return fresh;
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }

  base::uv::loop loop = base::uv::loop::make().value();
  json document{{"a", 1}, {"list", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}}};
  std::uint64_t last_line = 2;
  int samples = 0;
  std::deque<client> clients;
  std::optional<net::http_server> made;
  net::http_server* server = nullptr;
  std::optional<stream_hub> hub;
};

} // namespace

TEST_CASE("a document that takes long to make is made seldom: a hundredth of the time goes into it") {
  using coppice::base::nanos_per_ms;
  const coppice::base::nanos second = coppice::base::nanos_per_second;
  using hub = coppice::control::stream_hub;
  CHECK(hub::ticks_of_rest(0, second) == 0);
  CHECK(hub::ticks_of_rest(10 * nanos_per_ms, second) == 0);
  CHECK(hub::ticks_of_rest(11 * nanos_per_ms, second) == 1);
  CHECK(hub::ticks_of_rest(50 * nanos_per_ms, second) == 4);
  CHECK(hub::ticks_of_rest(3 * second, second) == 299);
}

TEST_CASE("a change is a patch that makes the one of the other, or the whole where that is shorter") {
  const json before{
      {"a", 1}, {"b", {1, 2, 3}}, {"c", "a long text that makes the whole longer than its change"}};
  json now = before;
  now["a"] = 2;
  now["b"] = {1, 3};
  now["d/~"] = nullptr;
  const json told = json::parse(stream_hub::change(before, now));
  if (told.contains("patch"))
    CHECK(before.patch(told["patch"]) == now);
  else
    CHECK(told["whole"] == now);
  CHECK(stream_hub::change(now, now).empty());
  CHECK(json::parse(stream_hub::change(before, json::object())) == json{{"whole", json::object()}});
}

TEST_CASE(
    "a reader gets the document whole, then what changes, and nothing is made while there is no reader") {
  place at;
  CHECK(at.samples == 0);
  client& one = at.ask("/");
  REQUIRE(at.until([&] { return one.has("event: status\ndata: {\"whole\":{\"a\":1,"); }));
  at.document["a"] = 2;
  REQUIRE(at.until(
      [&] { return one.has("{\"patch\":[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2}]}\n\n"); }));
  client& two = at.ask("/");
  REQUIRE(at.until([&] { return two.has("{\"whole\":{\"a\":2,"); }));
  CHECK(at.hub->open_readers() == 2);
  one.to.close();
  two.to.close();
  REQUIRE(at.until([&] { return at.hub->open_readers() == 0; }));
  CHECK(at.hub->dropped() == 0);
  const int before = at.samples;
  client& of_log = at.ask("/log");
  REQUIRE(at.until([&] { return of_log.has("event: log"); }));
  at.last_line = 9;
  REQUIRE(at.until([&] { return of_log.has(",9]"); }));
  CHECK(at.samples == before);
}

TEST_CASE(
    "a document is made once for readers of both forms, and one of them is without what it may not show") {
  place at;
  at.document["secret"] = "hunter2";
  at.document["made"] = 0;
  client& all = at.ask("/terms");
  client& some = at.ask("/");
  const auto both_have = [&](int made) {
    const std::string change = "\"path\":\"/made\",\"value\":" + std::to_string(made) + "}";
    return all.has(change) && some.has(change);
  };
  REQUIRE(at.until([&] {
    for (int made = 1; made <= at.samples; ++made)
      if (both_have(made)) return true;
    return false;
  }));
  CHECK(all.has("hunter2"));
  CHECK_FALSE(some.has("secret"));
}

TEST_CASE("lines of the log come to each reader once") {
  place at;
  client& one = at.ask("/log");
  REQUIRE(at.until([&] { return one.has("{\"whole\":{\"lines\":[1,2],\"missed\":0}}"); }));
  at.last_line = 3;
  REQUIRE(at.until([&] { return one.has("{\"whole\":{\"lines\":[3],\"missed\":0}}"); }));
  client& two = at.ask("/log");
  REQUIRE(at.until([&] { return two.has("{\"whole\":{\"lines\":[1,2,3],\"missed\":0}}"); }));
  at.last_line = 5;
  const auto both = [&] { return one.has("{\"lines\":[4,5]") && two.has("{\"lines\":[4,5]"); };
  REQUIRE(at.until(both));
  CHECK(at.samples == 0);
}

TEST_CASE("there are no more readers than there may be") {
  place at(1);
  client& one = at.ask("/");
  REQUIRE(at.until([&] { return one.has("200 OK"); }));
  client& two = at.ask("/");
  REQUIRE(at.until([&] { return two.has("503 Service Unavailable"); }));
}

TEST_CASE("a document that is too large is told to its readers once, and comes whole when it is smaller") {
  place at;
  const std::string sentence = "the document is larger than 16 MiB";
  client& before = at.ask("/");
  client& other = at.ask("/log");
  REQUIRE(at.until([&] { return before.has("whole") && other.has("whole"); }));
  at.document["a"] = std::string(std::size_t{17} << 20, 'x');
  REQUIRE(at.until([&] { return before.has("event: status\ndata: {\"failed\":{\"code\":\"limit\""); }));
  client& late = at.ask("/");
  REQUIRE(at.until([&] { return late.has(sentence); }));
  const int samples = at.samples;
  REQUIRE(at.until([&] { return at.samples >= samples + 3; }));
  at.document["a"] = "small again";
  const auto has_it = [](const client& one) { return one.has("{\"whole\":{\"a\":\"small again\""); };
  REQUIRE(at.until([&] { return has_it(before) && has_it(late); }));
  const std::string& heard = before.heard.received;
  CHECK(heard.find(sentence) == heard.rfind(sentence));
  CHECK(at.hub->open_readers() == 3);
  CHECK(at.hub->dropped() == 0);
  at.document["a"] = "a change";
  REQUIRE(at.until([&] { return late.has("{\"patch\":") || late.has("\"a change\""); }));
}

TEST_CASE("a reader that does not take its bytes is dropped and counted, and the other goes on") {
  place at;
  client& good = at.ask("/");
  client& bad = at.ask("/");
  REQUIRE(at.until([&] { return good.has("whole") && bad.has("whole"); }));
  bad.to.pause();
  const std::string much(1 << 16, 'x');
  REQUIRE(at.until([&] {
    good.heard.received.clear();
    at.document["a"] = much + std::to_string(at.samples);
    return at.hub->dropped() != 0;
  }));
  at.document["a"] = "the end";
  REQUIRE(at.until([&] { return good.has("the end"); }));
  CHECK(at.hub->open_readers() == 1);
}
