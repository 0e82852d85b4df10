// SPDX-License-Identifier: MIT
// Actors that answer requests, driven without a web server: what they are told, answers now and later, and
// the bundled hello_web over a kv that the test plays.
#include <doctest/doctest.h>
#include <coppice/testing/web.hpp>
#include <coppice/web.hpp>

#include "places.hpp"

using namespace coppice::testing;
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

// A table as the bundled kv is one.
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

TEST_CASE("what a guest of hello_web's chat says all hear, who comes later too, over a reload") {
  const plugin from = hello_plugin();
  actor server(from);
  web_socket one(server, {.path = "/chat"});
  web_socket two(server, {.path = "/chat"});
  one.text("hello");
  one.text("");
  CHECK(one.heard() == std::vector<web_said>{{"text", "Guest 1: hello"}});
  CHECK(two.heard() == std::vector<web_said>{{"text", "Guest 1: hello"}});
  server.down(one.pid(), atom("normal"));
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

TEST_CASE("without kv hello_web says that the notes are not to be had") {
  const plugin from = hello_plugin();
  actor server(from);
  server.serve("kv", [](const value&) { return nodedown(); });
  CHECK(ask(server, {.path = "/api/notes"}).status() == 503);
  CHECK(server.alive());
}
