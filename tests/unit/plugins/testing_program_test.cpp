// SPDX-License-Identifier: MIT
// Tests of coppice/testing/program.hpp: what an actor and its program exchange, and how each ends when the
// other ends, as in a node (tests/e2e/port.py).
#include <doctest/doctest.h>
#include <coppice/testing/program.hpp>

#include <csignal>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;
using coppice::close_reason;
namespace etf = coppice::etf;

namespace {

// An actor of the fixture `programs` with its program. It writes what `say` gives it, and keeps the lines
// that it gets.
struct talking {
  explicit talking(const plugin& from, stream_options how = {})
      : talk(from, {.actor = "talk"}), cat(talk, (how.framing = coppice::lines(1024), how)) {}
  value say(const std::string& text) { return talk.call(std::tuple(etf::atom{"say"}, text)).reply(); }
  value lines() { return talk.call(atom("lines")).reply(); }
  actor talk;
  program cat;
};
value list(std::vector<std::string> of) {
  return of;
}

} // namespace

TEST_CASE("lines, packets and bytes go both ways") {
  const plugin programs = fixture("programs");
  talking one(programs, {.peer = "/bin/cat"});
  CHECK(one.talk.call(atom("info")).reply() == value(std::string("/bin/cat")));
  CHECK(one.say("ab\n") == atom("ok"));
  CHECK(one.cat.take() == "ab\n");
  one.cat.send("one\r\ntw").send_in_pieces("o\nthree", 1);
  CHECK(one.lines() == list({"one", "two"}));

  actor packets(programs, {.actor = "talk"});
  program port(packets, {.framing = coppice::length_prefixed(4, 100)});
  port.send(std::string("\0\0\0\2hi\0\0\0\0", 10));
  CHECK(packets.call(atom("lines")).reply() == list({"hi", ""}));
  port.send(std::string("\0\0\1\0", 4)); // beyond the bound of a packet
  CHECK(port.closed() == std::nullopt);
  CHECK(port.input_ended());
  packets.advance(1s);
  CHECK(port.was_told() == program::told::to_end);
  port.die(SIGTERM);
  CHECK(port.closed() == close_reason::frame_too_large);
  CHECK(packets.reason() == value(std::tuple(etf::atom{"exit_signal"}, SIGTERM)));

  const plugin echoes = plugin::load(std::string(PLUGIN_FOLDER) + "/echo.so");
  actor raw(echoes);
  program bytes(raw);
  CHECK(bytes.send("abc").take() == "abc");
}

TEST_CASE("its end is told after all it wrote, and is its actor's reason") {
  const plugin programs = fixture("programs");
  talking orderly(programs);
  orderly.cat.send("last\nunfinished").exit();
  CHECK(orderly.cat.closed() == close_reason::eof);
  CHECK(orderly.cat.why() == "it exited with 0");
  CHECK(orderly.talk.reason() == atom("normal"));
  CHECK(orderly.talk.did.logs.back().text == "closed: it exited with 0");
  CHECK_THROWS_AS(orderly.cat.send("more"), failure);
  CHECK_THROWS_AS(orderly.cat.exit(), failure);

  talking failed(programs);
  failed.cat.exit(7);
  CHECK(failed.talk.reason() == value(std::tuple(etf::atom{"exit_status"}, 7)));
  talking shot(programs);
  shot.cat.die(SIGSEGV);
  CHECK(shot.talk.reason() == value(std::tuple(etf::atom{"exit_signal"}, SIGSEGV)));
  CHECK(shot.cat.why() == "signal 11 ended it (Segmentation fault)");
  CHECK(shot.cat.was_told() == program::told::nothing);
}

TEST_CASE("what it has not read is lost with it") {
  const plugin programs = fixture("programs");
  talking one(programs);
  one.say("unread\n");
  one.cat.send("said\n").exit();
  CHECK(one.cat.closed() == close_reason::reset);
  CHECK(one.cat.why() == "it exited with 0");
  CHECK(one.talk.reason() == atom("normal"));
}

TEST_CASE("one that closes what it talks by has a second to exit, and one whose actor does so too") {
  const plugin programs = fixture("programs");
  talking closes(programs);
  closes.cat.close_output();
  CHECK(closes.talk.alive());
  CHECK_FALSE(closes.cat.closed());
  closes.talk.advance(999ms);
  CHECK(closes.cat.was_told() == program::told::nothing);
  closes.talk.advance(1ms);
  CHECK(closes.cat.was_told() == program::told::to_end);
  closes.cat.die(SIGTERM);
  CHECK(closes.cat.closed() == close_reason::eof);
  CHECK_FALSE(closes.talk.alive());

  talking closed(programs);
  closed.talk.call(atom("close"));
  CHECK(closed.cat.input_ended());
  closed.cat.exit(1);
  CHECK(closed.cat.closed() == close_reason::normal);
  CHECK(closed.talk.reason() == value(std::tuple(etf::atom{"exit_status"}, 1)));
}

TEST_CASE("the end of its input is no end of the program") {
  const plugin programs = fixture("programs");
  talking one(programs);
  one.talk.call(atom("end"));
  CHECK(one.cat.input_ended());
  one.cat.send("goes on\n");
  CHECK(one.lines() == list({"goes on"}));
  one.cat.exit();
  CHECK(one.talk.reason() == atom("normal"));
}

TEST_CASE("an actor's end is its program's: in order, or at once when it fails") {
  const plugin programs = fixture("programs");
  talking stopped(programs);
  stopped.talk.shut_down();
  CHECK(stopped.cat.input_ended());
  CHECK(stopped.cat.was_told() == program::told::to_end);
  talking crashed(programs);
  crashed.talk.call(atom("crash"));
  CHECK_FALSE(crashed.talk.alive());
  CHECK(crashed.cat.was_told() == program::told::killed);
}

TEST_CASE("a program that reads nothing is written no more, and the actor hears when there is room") {
  const plugin programs = fixture("programs");
  talking one(programs, {.high = 100'000, .low = 50'000});
  one.cat.window(0);
  const value filled = one.talk.call(std::tuple(etf::atom{"fill"}, 1'000'000)).reply();
  CHECK(filled == value(2 * 65536));
  CHECK(one.say("x") == atom("full"));
  CHECK(one.cat.queued() == 2 * 65536);
  one.talk.advance(3600s); // there is no limit of time
  CHECK_FALSE(one.cat.closed());
  one.cat.window(100'000);
  one.cat.take();
  CHECK(one.lines() == list({"drained"}));
  one.talk.call(atom("pause"));
  one.cat.send("kept\n").exit();
  CHECK(one.talk.alive());
  one.talk.call(atom("resume"));
  CHECK_FALSE(one.talk.alive());
}

TEST_CASE("what it complains of is lines of the log, and none of the actor's business") {
  const plugin programs = fixture("programs");
  talking one(programs);
  one.cat.complain("a warn").complain("ing\nand more\nthe last");
  CHECK(one.talk.did.logs.size() == 2);
  CHECK(one.talk.did.logs[0].text == "a warning");
  one.cat.exit(1);
  CHECK(one.talk.did.logs[2].text == "the last");
}

TEST_CASE("a reload keeps the program, and what it says meanwhile") {
  const plugin programs = fixture("programs");
  auto old = std::make_unique<actor>(programs, settings{.actor = "talk"});
  program cat(*old, {.framing = coppice::lines(1024)});
  cat.send("before\nhal");
  const saved_state kept = old->save();
  old.reset();
  cat.send("f\nmeanwhile\n");
  actor next = actor::restored(programs, kept, {.actor = "talk"});
  CHECK(next.call(atom("lines")).reply() == list({"before", "half", "meanwhile"}));
  cat.exit(2);
  CHECK(next.reason() == value(std::tuple(etf::atom{"exit_status"}, 2)));
}
