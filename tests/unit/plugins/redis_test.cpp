// SPDX-License-Identifier: MIT
// Tests of the bundled redis, driven without a node or a server: replies of any kind and in any pieces, more
// commands than may wait, bytes that are no reply, the connection's end, and a reload while callers wait.
#include <doctest/doctest.h>
#include <coppice/testing/erlang.hpp>
#include <coppice/testing/net.hpp>

#include "places.hpp"

using namespace coppice::testing;
namespace etf = coppice::etf;

namespace {

plugin redis_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/redis.so");
}
value command(const char* words) {
  return erl("{command, " + std::string(words) + "}");
}
struct shown {
  static constexpr etf::form etf_form = etf::form::map;
  bool connected;
  std::uint64_t waiting, reconnects;
};
bool is_connected(actor& of) {
  return of.call(atom("status")).reply().as<shown>().connected;
}

} // namespace

TEST_CASE("each command is answered by its reply, whatever pieces they come in") {
  const plugin from = redis_plugin();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    actor redis(from);
    peer server(redis, {.ends_actor = false});
    std::vector<answer> answers;
    const char* const replies[][2] = {
        {"+OK\r\n", "{ok, <<\"OK\">>}"},
        {"$5\r\nab\r\nc\r\n", "{ok, <<\"ab\\r\\nc\">>}"},
        {"$0\r\n\r\n", "{ok, <<>>}"},
        {"$-1\r\n", "{ok, undefined}"},
        {"*-1\r\n", "{ok, undefined}"},
        {":-42\r\n", "{ok, -42}"},
        {"*0\r\n", "{ok, []}"},
        {"*3\r\n:1\r\n*1\r\n$1\r\nx\r\n$-1\r\n", "{ok, [1, [<<\"x\">>], undefined]}"},
        {"-ERR no\r\n", "{error, <<\"ERR no\">>}"},
    };
    std::string all;
    for (const auto& [said, term] : replies) {
      answers.push_back(redis.call(command("[<<\"GET\">>, <<\"a\">>]")));
      CHECK_FALSE(answers.back());
      CHECK(server.take() == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
      all += said;
    }
    server.send_in_pieces(all, piece);
    for (std::size_t i = 0; i < answers.size(); ++i) CHECK(answers[i].reply() == erl(replies[i][1]));
    CHECK(redis.did.complaints.empty());
  }
}

TEST_CASE("what cannot be sent is answered at once") {
  const plugin from = redis_plugin();
  actor redis(from, {.args = erl("#{waiting => 2}")});
  CHECK(redis.call(command("[<<\"PING\">>]")).reply() == erl("{error, disconnected}"));
  peer server(redis, {.high = 4, .low = 2, .ends_actor = false});
  CHECK(redis.call(command("[]")).reply() == erl("{error, badarg}"));
  server.window(0);
  CHECK_FALSE(redis.call(command("[<<\"PING\">>]")));
  CHECK(redis.call(command("[<<\"PING\">>]")).reply() == erl("{error, overloaded}"));
  server.window(1000);
  server.take();
  CHECK_FALSE(redis.call(command("[<<\"PING\">>]")));
  CHECK(redis.call(command("[<<\"PING\">>]")).reply() == erl("{error, overloaded}")); // two commands wait
}

TEST_CASE("a server that answers what is no reply is left, and who waits is told") {
  const plugin from = redis_plugin();
  for (const char* said : {"hello\r\n", "$x\r\n", "$3\r\nabcde",
                           "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*"
                           "1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
                           ":\r\n", "\r\n", "$999999999999\r\n"}) {
    CAPTURE(said);
    actor redis(from);
    peer server(redis, {.ends_actor = false});
    const answer waits = redis.call(command("[<<\"PING\">>]"));
    server.send(said);
    CHECK(waits.reply() == erl("{error, disconnected}"));
    CHECK(server.was_reset());
    CHECK_FALSE(is_connected(redis));
  }
  actor redis(from);
  peer server(redis, {.ends_actor = false});
  server.send("+nobody asked\r\n");
  CHECK(server.was_reset());
}

TEST_CASE("the end of the connection is the answer of whoever waits, and the next connection another's") {
  const plugin from = redis_plugin();
  actor redis(from, {.args = erl("#{password => <<\"secret\">>, database => 3}")});
  peer first(redis, {.ends_actor = false});
  CHECK(first.take() == "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n");
  const answer waits = redis.call(command("[<<\"PING\">>]"));
  first.send("+OK\r\n+OK\r\n").reset();
  CHECK(waits.reply() == erl("{error, disconnected}"));
  peer second(redis, {.ends_actor = false});
  second.take();
  second.send("-WRONGPASS no\r\n");
  CHECK(second.ended());
  CHECK_FALSE(is_connected(redis));
}

TEST_CASE("a reload keeps the connection, who waits and half a reply") {
  const plugin from = redis_plugin();
  auto old = std::make_unique<actor>(from);
  peer server(*old, {.ends_actor = false});
  const answer waits = old->call(command("[<<\"PING\">>]"));
  server.send("$4\r\nPO");
  const saved_state kept = old->save();
  old.reset();
  actor next = actor::restored(from, kept);
  server.send("NG\r\n");
  CHECK(waits.reply() == erl("{ok, <<\"PONG\">>}"));
  CHECK(is_connected(next));
}
