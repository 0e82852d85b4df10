// SPDX-License-Identifier: MIT
// Tests of actors that answer requests, driven without a web server: what they are told, answers at once and
// later, and the bundled hello_web with a kv that the test plays.
#include <doctest/doctest.h>
#include <coppice/testing/erlang.hpp>
#include <coppice/testing/web_events.hpp>
#include <coppice/testing/web_stream.hpp>
#include <coppice/web.hpp>

#include <algorithm>

#include "places.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;
namespace etf = coppice::etf;

namespace {

plugin replies_plugin() {
  return plugin::load(std::string(FIXTURE_FOLDER) + "/replies.so");
}
plugin hello_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/hello_web.so");
}

value release(const char* text) {
  return std::pair(etf::atom{"release"}, std::string(text));
}

// Plays the bundled kv with one entry, `stored`.
void serve_kv(actor& of, value& stored) {
  of.serve("kv", [&stored](const value& asked) {
    etf::cursor at(asked.bytes());
    std::uint32_t arity = 0;
    etf::bytes given;
    at.read_tuple(arity);
    if (at.read_atom_is("get"))
      return stored ? replies(std::pair(etf::atom{"ok"}, stored.term())) : replies(atom("not_found"));
    at.read_atom_is("put");
    at.skip();
    at.read_term(given);
    stored = value::of(given);
    return replies(atom("ok"));
  });
}

} // namespace

TEST_CASE("a request comes whole, and its answer goes with status, headers and body") {
  const plugin from = replies_plugin();
  actor server(from);
  REQUIRE(server.status() == COPPICE_OK);
  const web_answer got = ask(server, {.method = "PUT",
                                      .path = "/now",
                                      .body = "some text",
                                      .parameters = {{"what", "this"}},
                                      .query = {{"q", "1"}, {"q", "2"}},
                                      .headers = {{"x-asked", "yes"}}});
  REQUIRE(got);
  CHECK(got.status() == 200);
  CHECK(got.body() == "PUT /now this q=1 h=yes b=some text v=1.1");
  CHECK(got.header("content-type") == "text/plain");
  CHECK_FALSE(got.header("nothing"));
  const web_answer bare = ask(server, {});
  CHECK(bare.body() == "GET /  q=- h=- b= v=1.1");
}

TEST_CASE("one answered later is answered by its id, over a reload too") {
  const plugin from = replies_plugin();
  actor server(from);
  const web_answer one = ask(server, {.path = "/later"});
  const web_answer two = ask(server, {.path = "/later"});
  CHECK_FALSE(one);
  CHECK(server.call(atom("waiting")) == 2);
  const saved_state saved = server.save();
  actor next = actor::restored(from, saved);
  next.send(release("done"));
  REQUIRE(two);
  CHECK(one.body() == "done");
  CHECK(two.status() == 200);
  CHECK(next.call(atom("waiting")) == 0);
}

TEST_CASE("one that nobody waits for any more is told of, over a reload too; one that is answered is not") {
  const plugin from = replies_plugin();
  actor server(from);
  web_answer gone = ask(server, {.path = "/later"});
  web_answer late = ask(server, {.path = "/later"});
  web_answer kept = ask(server, {.path = "/later"});
  web_answer now = ask(server, {.path = "/now"});
  now.aborted(server);
  gone.aborted(server);
  CHECK_FALSE(gone);
  CHECK(server.call(atom("waiting")) == 2);
  const saved_state saved = server.save();
  actor next = actor::restored(from, saved);
  late.aborted(next, "timeout");
  late.aborted(next, "timeout");
  CHECK(next.call(atom("waiting")) == 1);
  next.send(release("done"));
  CHECK(kept.body() == "done");
  CHECK_FALSE(late);
  kept.aborted(next);
  CHECK(next.call(atom("aborted")) == std::vector<std::string>{"waiting closed", "waiting timeout"});
  CHECK(next.did.complaints.empty());
  next.advance(10s);
  CHECK(next.did.complaints.empty());
}

TEST_CASE("a second answer is refused, and the kit complains of it") {
  const plugin from = replies_plugin();
  actor server(from);
  const web_answer got = ask(server, {.path = "/twice"});
  CHECK(got.body() == "first");
  REQUIRE(server.did.complaints.size() == 1);
  CHECK(server.did.complaints[0].find("twice") != std::string::npos);
  CHECK(ask(server, {.path = "/now"}).header("x-second") == std::to_string(COPPICE_E_USED));
}

TEST_CASE("what is no request is the class's own call, and half a request ends it as any bad call") {
  const plugin from = replies_plugin();
  actor server(from);
  CHECK(server.call(atom("waiting")) == 0);
  (void)server.call(std::pair(etf::atom{"http"}, std::map<std::string, int>()));
  CHECK_FALSE(server.alive());
}

TEST_CASE(
    "a WebSocket is accepted, with a protocol or none, or refused; both ends speak, over a reload too") {
  const plugin from = replies_plugin();
  actor server(from);
  web_socket client(server, {.path = "/talk/echo"});
  REQUIRE(client.accepted());
  CHECK(client.protocol().empty());
  client.text("one");
  client.binary(std::string_view("\0two", 4));
  CHECK(client.heard() == std::vector<web_said>{{"text", "one"}, {"binary", std::string("\0two", 4)}});
  const saved_state saved = server.save();
  actor next = actor::restored(from, saved);
  client.move_to(next);
  next.send(value(std::pair(etf::atom{"say"}, std::string("to all"))));
  client.text("bye 4000 enough");
  CHECK(client.heard() == std::vector<web_said>{{"text", "to all"}, {"close", "enough", 4000}});
  client.closed(4000, "enough");
  CHECK(next.call(atom("talked")) == std::vector<std::string>{"4000 enough"});

  web_socket other(next, {.path = "/talk/chat", .headers = {{"sec-websocket-protocol", "x, chat"}}});
  CHECK(other.protocol() == "chat");
  for (const char* offered : {"", "chats", "x,y", " , "}) {
    web_socket none(next, {.path = "/talk/chat", .headers = {{"sec-websocket-protocol", offered}}});
    CHECK(none.accepted());
    CHECK(none.protocol().empty());
  }
  web_socket refused(next, {.path = "/talk/refuse"});
  CHECK_FALSE(refused.accepted());
  CHECK(refused.status() == 403);
}

TEST_CASE(
    "a client of events has each as its page would, comes again behind its last, and its end is known") {
  const plugin from = replies_plugin();
  actor server(from);
  web_events client(server, {.path = "/events"});
  REQUIRE(client.accepted());
  CHECK_FALSE(client.next());
  server.send(value(std::pair(etf::atom{"say"}, std::string("two\r\nlines\rmore\n"))));
  server.send(value(std::tuple(etf::atom{"say"}, std::string("x"), std::string("price"), std::string("7"))));
  CHECK(client.next() == web_event{.data = "two\nlines\nmore\n"});
  CHECK(client.last_event_id().empty());

  const saved_state saved = server.save();
  actor next = actor::restored(from, saved);
  CHECK(client.next() == web_event{.data = "x", .name = "price", .id = "7", .retry_ms = 1500});
  CHECK(client.last_event_id() == "7");
  client.move_to(next);
  web_events again(next, {.path = "/events"}, client.last_event_id());
  CHECK(again.heard() == std::vector<web_event>{{.data = "7", .name = "last"}});
  CHECK(next.call(atom("clients")) == 2);
  client.gone();
  CHECK(next.call(atom("clients")) == 1);

  next.send(value(std::pair(etf::atom{"say"}, std::string("last"))));
  next.send(atom("leave"));
  next.send(value(std::pair(etf::atom{"say"}, std::string("behind the end"))));
  CHECK_FALSE(again.ended());
  CHECK(again.heard() == std::vector<web_event>{{.data = "last"}});
  CHECK(again.ended());
  CHECK_FALSE(again.next());
}

TEST_CASE(
    "events are refused by a status, end with their actor, and what no client could get fails the test") {
  const plugin from = replies_plugin();
  actor server(from);
  web_events refused(server, {.path = "/events/refuse"});
  CHECK_FALSE(refused.accepted());
  CHECK(refused.status() == 204);
  CHECK_FALSE(refused.next());
  CHECK_FALSE(refused.ended());
  web_events client(server, {.path = "/events"});
  server.send(
      value(std::tuple(etf::atom{"say"}, std::string("x"), std::string("two\nlines"), std::string())));
  CHECK_THROWS(client.next());
  web_events other(server, {.path = "/events"});
  CHECK_FALSE(other.ended());
  server.shut_down();
  CHECK(other.ended());
}

TEST_CASE("a body that streams comes by credit, the answer goes as it is made, over a reload too") {
  const plugin from = hello_plugin();
  actor server(from, {.actor = "transfers"});
  web_stream up(server, {.method = "PUT", .path = "/measure"}, true);
  CHECK(up.wanted() == 65536);
  up.body("one\ntwo");
  CHECK(up.wanted() == 65536);
  CHECK_THROWS(up.body(std::string(70000, 'x')));
  web_stream down(server, {.path = "/count/20000", .parameters = {{"to", "20000"}}});
  REQUIRE(down.begun());
  CHECK(down.status() == 200);
  std::string heard = down.heard();
  CHECK(heard.size() >= 32768);
  CHECK_FALSE(down.ended());

  const saved_state saved = server.save();
  actor next = actor::restored(from, saved, {.actor = "transfers"});
  up.move_to(next);
  down.move_to(next);
  up.last("\nthree");
  REQUIRE(up.answered());
  CHECK_FALSE(up.begun());
  CHECK(up.whole().body() == R"({"bytes":13,"lines":2})");
  while (!down.ended()) {
    down.more(40000);
    heard += down.heard();
  }
  CHECK(heard.starts_with("1\n2\n3\n"));
  CHECK(heard.ends_with("19999\n20000\n"));
  CHECK(std::ranges::count(heard, '\n') == 20000);
}

TEST_CASE("an actor says itself how much of a body it wants, and hears that its client has gone") {
  const plugin from = plugin::load(std::string(FIXTURE_FOLDER) + "/streams.so");
  actor server(from);
  const auto put = [](const char* what) {
    return web_request{.method = "PUT", .path = std::string("/put/") + what, .parameters = {{"what", what}}};
  };
  web_stream echo(server, put("echo"), true);
  CHECK(echo.begun());
  CHECK(echo.wanted() == 32768);
  echo.body(std::string(32768, 'a'));
  CHECK(echo.wanted() == 32768);
  echo.body(std::string(32768, 'b'));
  CHECK(echo.wanted() == 0); // until the client takes more
  echo.more(65536);
  CHECK(echo.wanted() == 32768);
  echo.last("c");
  CHECK(echo.ended());
  CHECK(echo.heard().size() == 65537);
  web_stream gone(server, put("stop"), true);
  CHECK(gone.wanted() == 1024);
  CHECK(server.call(atom("open")) == 1);
  gone.aborted("closed");
  CHECK(server.call(atom("open")) == 0);
  CHECK(server.call(atom("aborted")) == std::vector<std::string>{"closed"});
  web_stream empty(server, {.path = "/get/wait", .parameters = {{"what", "wait"}}});
  CHECK_FALSE(empty.answered());
  empty.aborted("timeout");
  CHECK_FALSE(empty.answered());
  CHECK(server.call(atom("aborted")) == std::vector<std::string>{"closed", "timeout"});
  web_stream refused(server, put("refuse"), true);
  CHECK(refused.whole().status() == 403);
  CHECK(refused.wanted() == 0);
  web_stream never(server, put("never"), true);
  CHECK_THROWS(never.last());
}

TEST_CASE("hello_web keeps notes in kv") {
  const plugin from = hello_plugin();
  actor server(from);
  value stored;
  serve_kv(server, stored);
  const auto page = ask(server, {});
  CHECK(page.header("content-type") == "text/html; charset=utf-8");
  CHECK(page.body().find("<h1>Notes</h1>") != std::string::npos);
  CHECK(ask(server, {.path = "/api/notes"}).body() == "[]");
  const auto made = ask(server, {.method = "POST", .path = "/api/notes", .body = "a \"quote\"\n"});
  CHECK(made.status() == 201);
  CHECK(made.header("location") == "/api/notes/1");
  CHECK(made.body() == R"({"id":1,"text":"a \"quote\"\u000a"})");
  const auto with_id = [](const char* method, const char* id, const char* body = "") {
    return web_request{
        .method = method, .path = std::string("/api/notes/") + id, .body = body, .parameters = {{"id", id}}};
  };
  CHECK(ask(server, with_id("GET", "1")).body() == made.body());
  CHECK(ask(server, with_id("PUT", "1", "new")).body() == R"({"id":1,"text":"new"})");
  for (const char* id : {"2", "x", "1x", "-1", "99999999999999999999"})
    CHECK(ask(server, with_id("GET", id)).status() == 404);
  CHECK(ask(server, with_id("PUT", "1")).status() == 400);
  CHECK(ask(server, {.method = "POST", .path = "/api/notes"}).status() == 400);
  CHECK(ask(server, with_id("PUT", "1", "\xff")).status() == 400);
  CHECK(ask(server, with_id("DELETE", "1")).status() == 204);
  CHECK(ask(server, {.path = "/api/notes"}).body() == "[]");
}

TEST_CASE("handle_closed is told of a client whose process is lost, and once of one that has gone") {
  const plugin from = hello_plugin();
  actor server(from);
  web_socket one(server, {.path = "/chat"});
  web_socket two(server, {.path = "/chat"});
  web_socket three(server, {.path = "/chat"});
  const saved_state saved = server.save();
  actor next = actor::restored(from, saved);
  for (web_socket* each : {&one, &two, &three}) each->move_to(next);
  one.lost(atom("killed"));
  two.closed(1001);
  two.lost(atom("normal")); // the exit of its process, which follows
  three.text("alone");
  CHECK(three.heard() == std::vector<web_said>{{"text", "Guest 3: alone"}});
  CHECK(one.heard().empty());
  CHECK(two.heard().empty());
  CHECK(next.monitors().size() == 1);
  CHECK(next.did.complaints.empty());
}

TEST_CASE("what a guest of hello_web's chat says all hear, who comes later too, over a reload") {
  const plugin from = hello_plugin();
  actor server(from);
  web_socket one(server, {.path = "/chat"});
  web_socket two(server, {.path = "/chat"});
  one.text("hello");
  one.text("");
  CHECK(one.heard() == std::vector<web_said>{{"text", "Guest 1: hello"}});
  CHECK(two.heard() == std::vector<web_said>{{"text", "Guest 1: hello"}});
  one.closed();
  for (int i = 0; i < 25; ++i) two.text(std::to_string(i));
  CHECK(one.heard().empty());
  CHECK(two.heard().size() == 25);
  const saved_state saved = server.save();
  actor next = actor::restored(from, saved);
  two.move_to(next);
  web_socket late(next, {.path = "/chat"});
  const auto had = late.heard();
  REQUIRE(had.size() == 20);
  CHECK(had.front() == web_said{"text", "Guest 2: 5"});
  two.text("on");
  CHECK(late.heard() == std::vector<web_said>{{"text", "Guest 2: on"}});
}

TEST_CASE("hello_web's game is one client's, goes over a reload, and closes when the number is found") {
  const plugin from = hello_plugin();
  actor game(from, {.actor = "game", .args = "#{highest => 2}"_erl});
  REQUIRE(game.status() == COPPICE_OK);
  web_socket player(game, {.path = "/game"});
  REQUIRE(player.accepted());
  for (const char* said : {"1 ", "3", "0"}) player.text(said);
  CHECK(player.heard() == std::vector<web_said>{{"text", "I think of a number from 1 to 2. Which one?"},
                                                {"text", "That is no number."},
                                                {"text", "3 is too large."},
                                                {"text", "0 is too small."}});
  const saved_state saved = game.save();
  actor next = actor::restored(from, saved, {.actor = "game", .args = "#{highest => 2}"_erl});
  player.move_to(next);
  player.text("1");
  auto heard = player.heard();
  REQUIRE(!heard.empty());
  if (heard.front().data == "1 is too small.") {
    player.text("2");
    heard = player.heard();
    CHECK(heard == std::vector<web_said>{{"text", "2 it is: 4 guesses."}, {"close", "", 1000}});
  } else {
    CHECK(heard == std::vector<web_said>{{"text", "1 it is: 3 guesses."}, {"close", "", 1000}});
  }
}

TEST_CASE("without kv hello_web says that the notes are not to be had") {
  const plugin from = hello_plugin();
  actor server(from);
  server.serve("kv", [](const value&) { return nodedown(); });
  CHECK(ask(server, {.path = "/api/notes"}).status() == 503);
  CHECK(server.alive());
}
