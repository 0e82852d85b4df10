// SPDX-License-Identifier: MIT
// Tests of bodies that stream, over a connection that the test plays: which parts may be sent and read, and
// which processes are told.
#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <string>
#include <vector>

#include "behaviours/web/streamed_bodies.hpp"

using namespace coppice;
using behaviours::streamed_bodies;
using state = streamed_bodies::state;

namespace {

struct played final : streamed_bodies::connection {
  void grant_body(std::size_t bytes) override { did.push_back("grant " + std::to_string(bytes)); }
  net::http_written write_answer(std::string_view part) override {
    did.push_back("write " + (part.size() < 20 ? std::string(part) : std::to_string(part.size())));
    return next;
  }
  bool end_answer() override {
    did.push_back("end");
    return ends;
  }
  void tell(const runtime::pid&, runtime::message m) override { did.push_back(etf::print(m.bytes())); }
  bool is_behind() const override { return behind; }

  // The actions since the last call.
  std::vector<std::string> done() { return std::exchange(did, {}); }

  std::vector<std::string> did;
  net::http_written next = net::http_written::taken;
  bool ends = true;
  bool behind = false;
};
using done = std::vector<std::string>;

const behaviours::stream_id id{{0, 1, 7, 0}, 3};

behaviours::stream_place place(const char* tag) {
  return {{0, 1, 9, 0}, runtime::message::atom(tag)};
}

constexpr std::size_t window = streamed_bodies::window;

} // namespace

TEST_CASE("of a body comes what was asked for, a window at a time, and its end") {
  played client;
  streamed_bodies bodies(id, true, client);
  CHECK(bodies.waits_for_process());
  CHECK(bodies.is_coming());
  bodies.read_on({place("r"), 10});
  CHECK(client.done() == done{"grant 10"});
  CHECK_FALSE(bodies.waits_for_process());
  bodies.take_body("abcd", false);
  CHECK(client.done() == done{"{http_body,r,{data,<<\"abcd\">>}}"});
  bodies.read_on({place("r"), window * 2});
  CHECK(client.done().empty());
  bodies.take_body("efghij", false);
  CHECK(client.done() == done{"{http_body,r,{data,<<\"efghij\">>}}", "grant 65536"});
  bodies.take_body("k", true);
  CHECK(client.done() == done{"{http_body,r,{last,<<\"k\">>}}"});
  CHECK_FALSE(bodies.is_coming());
  bodies.read_on({place("r"), 1});
  CHECK(client.done().empty());
}

TEST_CASE("nothing is read for a process that has not had what came") {
  played client;
  streamed_bodies bodies(id, true, client);
  bodies.read_on({place("r"), 1});
  client.behind = true;
  bodies.take_body("a", false);
  bodies.read_on({place("r"), 5});
  CHECK(client.done() == done{"grant 1", "{http_body,r,{data,<<\"a\">>}}"});
  client.behind = false;
  bodies.caught_up();
  CHECK(client.done() == done{"grant 5"});
}

TEST_CASE("credit has no sum that it cannot hold") {
  played client;
  streamed_bodies bodies(id, true, client);
  bodies.read_on({place("r"), UINT64_MAX});
  bodies.read_on({place("r"), UINT64_MAX});
  CHECK(client.done() == done{"grant 65536"});
}

TEST_CASE("an answer goes on as its writer is told that it may, of several parts at once") {
  played client;
  streamed_bodies bodies(id, false, client);
  bodies.ask_on();
  CHECK(bodies.begin(place("w")) == state::open);
  bodies.ask_on();
  CHECK(bodies.write({"one", false}) == state::open);
  CHECK(client.done() == done{"write one"});
  CHECK(bodies.write({std::string(window / 2, 'x'), false}) == state::open);
  bodies.ask_on();
  bodies.ask_on();
  CHECK(client.done() == done{"write 32768", "{http_answer,w,{more,32771}}"});
  CHECK(bodies.write({"end", true}) == state::ended);
  CHECK(client.done() == done{"write end", "end"});
  CHECK(bodies.written() == window / 2 + 6);
}

TEST_CASE("a writer waits for a client that takes nothing, and is cut off if it does not") {
  played client;
  streamed_bodies bodies(id, false, client);
  CHECK(bodies.begin(place("w")) == state::open);
  client.next = net::http_written::full;
  CHECK(bodies.write({std::string(window - 1, 'x'), false}) == state::open);
  CHECK_FALSE(bodies.waits_for_process());
  CHECK(bodies.write({"a part may be more than is left", false}) == state::open);
  bodies.ask_on();
  CHECK(client.done().size() == 2);
  SUBCASE("the client goes on") {
    bodies.drained();
    bodies.ask_on();
    CHECK(client.done() == done{"{http_answer,w,{more,65536}}"});
    CHECK(bodies.waits_for_process());
    CHECK(bodies.write({"more", false}) == state::open);
  }
  SUBCASE("its last part may come in any case") {
    CHECK(bodies.write({"end", true}) == state::ended);
  }
  SUBCASE("nothing is always allowed") {
    CHECK(bodies.write({"", false}) == state::open);
  }
  SUBCASE("it writes on") {
    CHECK(bodies.write({"x", false}) == state::overrun);
    CHECK(bodies.write({"x", true}) == state::overrun);
    bodies.abort("overrun");
    CHECK(client.done() == done{"{http_aborted,w,overrun}"});
  }
}

TEST_CASE("what is written before the answer has begun comes behind its beginning, within the window") {
  played client;
  streamed_bodies bodies(id, false, client);
  CHECK(bodies.write({"a", false}) == state::open);
  CHECK(bodies.write({"b", true}) == state::open);
  CHECK(client.done().empty());
  CHECK(bodies.begin(place("w")) == state::ended);
  CHECK(client.done() == done{"write a", "write b", "end"});

  streamed_bodies much(id, false, client);
  for (int i = 0; i < 3; ++i) CHECK(much.write({std::string(window, 'x'), false}) == state::open);
  CHECK(much.begin(place("w")) == state::overrun);
  CHECK(client.done().empty());
}

TEST_CASE("an answer whose client has gone, or whose length is another, is broken") {
  played client;
  streamed_bodies gone(id, false, client);
  CHECK(gone.begin(place("w")) == state::open);
  client.next = net::http_written::gone;
  CHECK(gone.write({"a", false}) == state::broken);
  played other;
  other.ends = false;
  streamed_bodies shorter(id, false, other);
  CHECK(shorter.begin(place("w")) == state::open);
  CHECK(shorter.write({"a", true}) == state::broken);
}

TEST_CASE("an answer that is complete before the request's body is told to the body's reader, once") {
  played client;
  streamed_bodies whole(id, true, client); // the answer did not stream
  whole.read_on({place("r"), 10});
  whole.answered();
  whole.answered();
  whole.read_on({place("r"), 10});
  CHECK(client.done() == done{"grant 10", "{http_aborted,r,answered}"});
  streamed_bodies unread(id, true, client);
  unread.answered();
  streamed_bodies read(id, true, client);
  read.read_on({place("r"), 10});
  read.take_body("all", true);
  read.answered();
  CHECK(client.done() == done{"grant 10", "{http_body,r,{last,<<\"all\">>}}"});
}

TEST_CASE("the writer of an answer without a body is told once, also if it reads the request's body") {
  played client;
  streamed_bodies same(id, true, client);
  same.read_on({place("same"), 10});
  same.begin_without_body(place("same"));
  same.answered();
  CHECK(client.done() == done{"grant 10", "{http_aborted,same,bodyless}"});
  streamed_bodies two(id, true, client);
  two.read_on({place("r"), 10});
  two.begin_without_body(place("w"));
  two.answered();
  CHECK(client.done() == done{"grant 10", "{http_aborted,w,bodyless}", "{http_aborted,r,answered}"});
}

TEST_CASE("the end of both bodies is told once to each place, and nothing is asked for afterwards") {
  played client;
  streamed_bodies one(id, true, client);
  one.abort("closed");
  CHECK(client.done().empty());
  streamed_bodies both(id, true, client);
  both.read_on({place("same"), 10});
  CHECK(both.begin(place("same")) == state::open);
  both.abort("closed");
  both.read_on({place("same"), 10});
  CHECK(client.done() == done{"grant 10", "{http_aborted,same,closed}"});
  streamed_bodies two(id, true, client);
  two.read_on({place("r"), 10});
  CHECK(two.begin(place("w")) == state::open);
  two.abort("slow");
  CHECK((two.tells(place("r")) && two.tells(place("w"))));
  CHECK_FALSE((two.tells(place("other")) || one.tells(place("r"))));
  CHECK(client.done() == done{"grant 10", "{http_aborted,r,slow}", "{http_aborted,w,slow}"});
}
