// SPDX-License-Identifier: MIT
// Tests of coppice/testing/net.hpp for connections, without a socket: pieces, bounds, time-outs, ends and
// reloads behave as in a node.
#include <doctest/doctest.h>
#include <coppice/testing/net.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;
using coppice::close_reason;

namespace {

plugin bundled_echo() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/echo.so");
}

// An actor of the fixture `wires` with one connection in lines. It greets its peer.
struct session {
  explicit session(const plugin& from, stream_options how = {})
      : serves(from, {.actor = "session"}), client(serves, (how.framing = coppice::lines(1024), how)) {
    CHECK(client.take() == "hello 127.0.0.1 tls= alpn= subject=\n");
  }
  actor serves;
  peer client;
};

} // namespace

TEST_CASE("bytes come in any pieces, and what is written back is read") {
  const plugin echoes = bundled_echo();
  actor raw(echoes);
  peer client(raw);
  CHECK(client.send("ab").send("c").take() == "abc");
  CHECK(client.take().empty());

  actor lines(echoes, {.actor = "lines"});
  peer other(lines, {.framing = coppice::lines()});
  other.send_in_pieces("one\r\ntwo\nthr", 1);
  CHECK(other.take() == "one\ntwo\n");
  other.send("ee\nquit\nnever");
  CHECK(other.take() == "three\n");
  CHECK(other.ended());
  CHECK(other.closed() == close_reason::normal);
  CHECK_FALSE(lines.alive());
  CHECK(lines.reason() == atom("normal"));
  CHECK(lines.did.complaints.empty());
  CHECK_THROWS_AS(peer{lines}, failure);
}

TEST_CASE("echo loses nothing that a client sends which does not read, also over a reload") {
  const plugin echoes = bundled_echo();
  actor raw(echoes);
  peer client(raw, {.high = 100, .low = 10});
  client.window(0);
  std::string sent;
  for (int part = 0; part < 20; ++part) {
    sent += std::string(50, static_cast<char>('a' + part));
    client.send(std::string(50, static_cast<char>('a' + part)));
  }
  CHECK(client.paused());
  client.window(detail::stream::unlimited);
  CHECK(client.take() == sent);
  CHECK_FALSE(client.paused());

  auto old = std::make_unique<actor>(echoes, settings{.actor = "lines"});
  peer other(*old, {.framing = coppice::lines(), .high = 100, .low = 10});
  other.window(0);
  sent.clear();
  for (int line = 0; line < 20; ++line) {
    sent += std::string(50, static_cast<char>('a' + line)) + '\n';
    other.send(std::string(50, static_cast<char>('a' + line)) + '\n');
  }
  const saved_state saved = old->save();
  old.reset();
  actor next = actor::restored(echoes, saved, {.actor = "lines"});
  other.window(detail::stream::unlimited);
  CHECK(other.take() == sent);
  CHECK(next.call("count"_erl) == 20);
}

TEST_CASE("an end of the peer's ends the stream, or is told where it is half-closed; a reset breaks it") {
  const plugin wires = fixture("wires");
  session ends(wires);
  ends.client.send("echo a\necho unfinished").end();
  CHECK(ends.client.take() == "a\n");
  CHECK(ends.client.closed() == close_reason::eof);
  CHECK(ends.serves.reason() == atom("normal"));
  CHECK_THROWS_AS(ends.client.send("more"), failure);

  session half(wires, {.half_close = true});
  half.client.send("echo a\n").end();
  CHECK(half.client.take() == "a\neof\n");
  CHECK(half.client.closed() == close_reason::normal);

  session broken(wires);
  broken.client.send("pause 1000\necho after\n");
  broken.client.reset();
  CHECK(broken.client.paused());
  CHECK_FALSE(broken.client.closed());
  broken.serves.advance(1s); // frames that had arrived whole are still handled
  CHECK(broken.client.closed() == close_reason::reset);

  session stays(wires);
  stays.client.send("pause 90000\necho never\n");
  stays.client.reset();
  stays.serves.advance(29s);
  CHECK_FALSE(stays.client.closed());
  stays.serves.advance(2s);
  CHECK(stays.client.closed() == close_reason::reset);
}

TEST_CASE(
    "an actor that waits for room is told of a reset, and one that stays paused then loses its stream") {
  const plugin echoes = bundled_echo();
  actor raw(echoes);
  peer client(raw, {.high = 100, .low = 10});
  client.window(0);
  for (int part = 0; part < 20; ++part) client.send(std::string(50, 'x'));
  REQUIRE(client.paused());
  client.reset();
  CHECK(client.closed() == close_reason::reset);
  CHECK_FALSE(raw.alive());

  const plugin wires = fixture("wires");
  session stays(wires, {.high = 100, .low = 10});
  stays.client.window(0);
  stays.client.send("fill\npause 1000\necho never\n");
  REQUIRE(stays.client.paused());
  stays.client.reset();
  CHECK(stays.client.closed() == close_reason::reset);
}

TEST_CASE("what an actor does to its connection is seen by the peer") {
  const plugin wires = fixture("wires");
  session ended(wires);
  ended.client.send("end\n");
  CHECK(ended.client.ended());
  CHECK_FALSE(ended.client.closed());
  session reset(wires);
  reset.client.send("reset\n");
  CHECK(reset.client.was_reset());
  session crashed(wires);
  crashed.client.send("crash\n");
  CHECK(crashed.client.was_reset());
  CHECK_FALSE(crashed.serves.alive());
  session stopped(wires);
  stopped.serves.shut_down();
  CHECK(stopped.client.ended());
  CHECK_FALSE(stopped.client.was_reset());
  session framed(wires);
  framed.client.send("raw\nabc").send("d");
  CHECK(framed.client.take() == "abcd");
}

TEST_CASE("a frame beyond its bound ends the stream") {
  const plugin wires = fixture("wires");
  session one(wires);
  one.client.send(std::string(1026, 'x'));
  CHECK(one.client.closed() == close_reason::frame_too_large);
}

TEST_CASE("a peer that takes nothing fills what waits, is refused more, and told of room") {
  const plugin wires = fixture("wires");
  session one(wires, {.high = 200'000, .low = 100'000});
  one.client.window(0);
  one.client.send("fill\n");
  CHECK(one.client.queued() == 4 * 65536);
  one.client.window(100'000);
  one.client.take();
  CHECK(one.client.queued() == 4 * 65536 - 200'000 + 8); // and "drained\n"
  one.client.window(detail::stream::unlimited);
  const std::string rest = one.client.take();
  CHECK(rest.ends_with("drained\n"));
}

TEST_CASE("a peer that stays deaf is reset after its time, and one that reads a little is not") {
  const plugin wires = fixture("wires");
  session one(wires, {.high = 200'000, .low = 100'000, .stall = 10s});
  one.client.window(0);
  one.client.send("fill\n");
  one.serves.advance(9s);
  CHECK_FALSE(one.client.closed());
  one.serves.advance(1s);
  CHECK(one.client.closed() == close_reason::slow);
  CHECK(one.client.was_reset());
  session other(wires, {.high = 200'000, .low = 100'000, .stall = 10s});
  other.client.window(1);
  other.client.send("fill\n");
  for (int i = 0; i < 5; ++i) {
    other.serves.advance(9s);
    CHECK(other.client.take() == "f");
  }
  CHECK_FALSE(other.client.closed());
  CHECK_THROWS_AS(peer(other.serves, {.high = 1, .low = 2}), failure);
}

TEST_CASE("times for silence pass on the actor's clock") {
  const plugin wires = fixture("wires");
  session silent(wires, {.first_byte = 3s});
  silent.serves.advance(2999ms);
  CHECK_FALSE(silent.client.closed());
  silent.serves.advance(1ms);
  CHECK(silent.client.closed() == close_reason::idle);
  CHECK(silent.client.why() == "it has sent nothing");
  session halfway(wires);
  halfway.client.send("echo ");
  halfway.serves.advance(29s);
  halfway.client.send("x"); // the time of a frame begins with its first byte
  halfway.serves.advance(1s);
  CHECK(halfway.client.closed() == close_reason::idle);
  session busy(wires, {.idle = 5s});
  for (int i = 0; i < 5; ++i) {
    busy.serves.advance(4s);
    busy.client.send("echo x\n");
  }
  CHECK_FALSE(busy.client.closed());
  busy.serves.advance(5s);
  CHECK(busy.client.closed() == close_reason::idle);
}

TEST_CASE("an actor that pauses is given no more than its credit") {
  const plugin wires = fixture("wires");
  session one(wires, {.credit = 10});
  one.client.send("pause 1000\n").send("echo 1\necho 2\necho 3\n");
  CHECK(one.client.unread() == 11);
  CHECK(one.client.take().empty());
  one.serves.advance(1s);
  CHECK(one.client.take() == "1\n2\n3\n");
  CHECK(one.client.unread() == 0);
}

TEST_CASE("what an actor left before it paused comes again when it resumes, also if there is no more") {
  const plugin proxies = fixture("proxy");
  actor proxy(proxies, {.args = erl("#{host => <<\"db\">>, port => 5432}")});
  peer client(proxy, {.high = 4, .low = 2, .half_close = true});
  client.send("early");
  CHECK(client.paused());
  peer server = peer::dialled_by(proxy).at(0);
  CHECK(server.host() == "db");
  server.window(0);
  server.accept();
  CHECK_FALSE(client.paused()); // its bytes have been passed on
  CHECK(server.queued() == 5);
  client.window(0);
  server.send("12345").send("6789");
  CHECK(server.paused());
  CHECK(client.queued() == 5);
  CHECK(client.take(3).empty());
  client.window(5);
  CHECK(client.take() == "12345");
  CHECK(client.take() == "6789");
  server.end();
  CHECK(client.ended());
  CHECK(proxy.alive());
  client.send("late").end();
  server.window(100);
  CHECK(server.take() == "earlylate");
  CHECK(server.ended());
  CHECK_FALSE(proxy.alive());
  CHECK(proxy.did.complaints.empty());
}

TEST_CASE("a reload in the middle of a line goes on with the line") {
  const plugin echoes = bundled_echo();
  auto old = std::make_unique<actor>(echoes, settings{.actor = "lines"});
  peer client(*old, {.framing = coppice::lines()});
  client.send("one\nhal");
  const saved_state saved = old->save();
  old.reset();
  client.send("f"); // sent during the reload
  CHECK_FALSE(client.closed());
  actor next = actor::restored(echoes, saved, {.actor = "lines"});
  CHECK(client.send(" done\n").take() == "one\nhalf done\n");
  CHECK(next.call("count"_erl) == 2);
}

TEST_CASE("what an actor dials is the test's to accept, refuse or leave alone") {
  const plugin wires = fixture("wires");
  actor dialer(wires, {.actor = "dialer"});
  CHECK(peer::dialled_by(dialer).empty());
  CHECK(dialer.call("{connect, <<\"db\">>, 5432}"_erl) == 1);
  CHECK(dialer.call("{connect_tls, <<\"web\">>, 443, <<\"ca.pem\">>}"_erl) == 2);
  CHECK(dialer.call("{connect, <<\"deaf\">>, 1}"_erl) == 3);
  CHECK(dialer.call("{write, 1, <<\"early\">>}"_erl) == COPPICE_E_NOT_FOUND);
  auto dialled = peer::dialled_by(dialer);
  REQUIRE(dialled.size() == 3);
  CHECK(dialled[0].host() == "db");
  CHECK(dialled[0].port() == 5432);
  CHECK_FALSE(dialled[0].wants_tls());
  dialled[0].accept();
  CHECK_THROWS_AS(dialled[0].accept(), failure);
  CHECK(dialer.call("{write, 1, <<\"select\">>}"_erl) == COPPICE_OK);
  CHECK(dialled[0].take() == "select");
  dialled[0].send("row\n");
  CHECK(dialled[1].wants_tls());
  dialled[1].refuse(close_reason::tls, "certificate has expired");
  dialer.advance(2s); // the time that a connection may take
  CHECK(dialer.call("events"_erl) ==
        std::vector<std::string>{"open 1 tls=", "line row", "closed 2 6", "closed 3 9"});
  CHECK(dialer.call("{close, 1}"_erl) == COPPICE_OK);
  CHECK(dialled[0].ended());
  CHECK(dialer.call("{close, 1}"_erl) == COPPICE_E_NOT_FOUND);
  CHECK(dialer.alive()); // none of them is the actor's own connection
  CHECK(dialer.did.complaints.empty());
}

TEST_CASE(
    "what is written after an actor has started TLS waits for it, and what came behind the order is not "
    "heard") {
  const plugin wires = fixture("wires");
  session one(wires);
  CHECK_THROWS_AS(one.client.secure(), failure);
  one.client.send("starttls own.pem own-key.pem\necho injected\n");
  CHECK(one.client.awaits_tls());
  CHECK(one.client.take() == "go\n");
  one.client.secure("1.3");
  CHECK_FALSE(one.client.awaits_tls());
  CHECK(one.client.take() == "secured tls=1.3\n");
  CHECK(one.client.send("echo heard\n").take() == "heard\n");
  CHECK(one.serves.did.complaints.empty());
}

TEST_CASE("a listener's stop lets what has come be handled") {
  const plugin wires = fixture("wires");
  session one(wires);
  one.client.send("pause 500\necho last\n");
  one.client.drain();
  one.serves.advance(500ms);
  CHECK(one.client.take() == "last\n");
  CHECK(one.client.closed() == close_reason::shutdown);
}

TEST_CASE("a stream that is handed over is the next actor's, with what had come") {
  const plugin wires = fixture("wires");
  session one(wires);
  CHECK_THROWS_AS(one.client.become_of(one.serves), failure);
  one.client.send("hand dialer\nwho\necho never\n");
  REQUIRE(one.client.handed_to());
  CHECK(*one.client.handed_to() == atom("dialer"));
  CHECK(one.serves.reason() == atom("normal"));
  CHECK_FALSE(one.client.closed());
  actor dialer(wires, {.actor = "dialer"});
  one.client.become_of(dialer);
  CHECK(one.client.take() == "dialer\n");
  one.client.end();
  CHECK(one.client.closed() == close_reason::eof);
  CHECK(dialer.call("events"_erl) ==
        std::vector<std::string>{"open 1 tls=", "line who", "line echo never", "closed 1 1"});
  CHECK(dialer.alive());
}

TEST_CASE("a worker of a pool outlives its connections") {
  const plugin wires = fixture("wires");
  session one(wires, {.ends_actor = false});
  peer other(one.serves, {.framing = coppice::lines(), .ends_actor = false});
  one.client.end();
  CHECK(one.client.closed() == close_reason::eof);
  CHECK(other.send("echo on\n").take().ends_with("on\n"));
}
