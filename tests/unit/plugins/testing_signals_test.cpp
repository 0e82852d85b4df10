// SPDX-License-Identifier: MIT
// Tests of coppice/testing.hpp: flags, aliases, monitors and timers have the meaning that they have in a
// node.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

using word = coppice::etf::atom;

constexpr std::uint32_t unknown = 1u << 30;

template <class... Arguments>
value ask(actor& one, const char* what, const Arguments&... arguments) {
  return one.call(std::tuple(word{what}, arguments...)).reply();
}
value heard(actor& one) {
  return one.call("heard"_erl).reply();
}
// Runs `does` while the actor is in a callback, so that messages to the actor wait.
template <class Does>
void meanwhile(actor& one, Does does) {
  one.serve("meanwhile", [&](const value&) {
    does();
    return replies("ok"_erl);
  });
  one.call("{question, meanwhile}"_erl);
}

} // namespace

TEST_CASE("what an actor sends has its flags in the journal") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const std::uint32_t all = COPPICE_PRIORITY | COPPICE_NO_CONNECT | COPPICE_NO_WAIT;
  CHECK(ask(one, "send", word{"ear"}, 1, all) == COPPICE_OK);
  CHECK(ask(one, "cast", word{"ear"}, 2, COPPICE_NO_WAIT) == COPPICE_OK);
  REQUIRE(one.did.sent.size() == 2);
  CHECK(one.did.sent[0].flags == all);
  CHECK(one.did.sent[1].flags == COPPICE_NO_WAIT);
  CHECK(one.did.sent[1].is_cast);
  const value pid = "#Pid<'x@y'.1.2.3>"_erl;
  one.connect("x@y");
  CHECK(ask(one, "exit", pid, word{"why"}, COPPICE_PRIORITY | COPPICE_NO_CONNECT) == COPPICE_OK);
  CHECK(one.did.exits.at(0).flags == (COPPICE_PRIORITY | COPPICE_NO_CONNECT));
  CHECK(ask(one, "link", pid, COPPICE_PRIORITY) == COPPICE_OK);
  CHECK(one.links().at(pid) == COPPICE_PRIORITY);
  const value reference = ask(one, "monitor", pid, COPPICE_NO_CONNECT, 0, word{"undefined"});
  CHECK(one.monitors().at(reference).flags == COPPICE_NO_CONNECT);
}

TEST_CASE("a flag that a function does not take is unsupported, and nothing is done") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value pid = "#Pid<'x@y'.1.2.3>"_erl;
  for (const std::uint32_t flags : {unknown, std::uint32_t{COPPICE_ONCE}}) {
    CHECK(ask(one, "send", pid, 1, flags) == COPPICE_E_UNSUPPORTED);
    CHECK(ask(one, "cast", pid, 1, flags) == COPPICE_E_UNSUPPORTED);
    CHECK(ask(one, "exit", pid, 1, flags) == COPPICE_E_UNSUPPORTED);
    CHECK(ask(one, "link", pid, flags) == COPPICE_E_UNSUPPORTED);
    CHECK(ask(one, "monitor", pid, flags, 0, word{"undefined"}) == COPPICE_E_UNSUPPORTED);
  }
  for (const std::uint32_t flags : {unknown, std::uint32_t{COPPICE_NO_WAIT}}) {
    CHECK(ask(one, "alias", flags) == COPPICE_E_UNSUPPORTED);
    CHECK(ask(one, "exit", pid, 1, flags) == COPPICE_E_UNSUPPORTED);
    CHECK(ask(one, "link", pid, flags) == COPPICE_E_UNSUPPORTED);
  }
  CHECK(one.did.sent.empty());
  CHECK(one.did.exits.empty());
  CHECK(one.links().empty());
  CHECK(one.monitors().empty());
}

TEST_CASE("NO_CONNECT reaches the nodes that the test has connected, and its own") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value pid = "#Pid<'x@y'.1.2.3>"_erl;
  const auto all = [&] {
    std::set<value> told;
    told.insert(ask(one, "send", std::pair(word{"ear"}, word{"x@y"}), 1, COPPICE_NO_CONNECT));
    told.insert(ask(one, "cast", pid, 1, COPPICE_NO_CONNECT));
    told.insert(ask(one, "exit", pid, 1, COPPICE_NO_CONNECT));
    told.insert(ask(one, "link", pid, COPPICE_NO_CONNECT));
    return told;
  };
  const auto watch = [&] { return ask(one, "monitor", pid, COPPICE_NO_CONNECT, 0, word{"undefined"}); };
  CHECK(all() == std::set<value>{COPPICE_E_NODEDOWN});
  CHECK(watch() == COPPICE_E_NODEDOWN);
  CHECK(one.did.sent.empty());
  CHECK(one.did.exits.empty());
  CHECK(one.links().empty());
  CHECK(ask(one, "send", word{"ear"}, 1, COPPICE_NO_CONNECT) == COPPICE_OK);
  CHECK(ask(one, "send", pid, 1, 0) == COPPICE_OK); // a node would connect
  one.connect("x@y");
  one.call("{raise, true}"_erl);
  CHECK(all() == std::set<value>{COPPICE_OK});
  CHECK(one.monitors().contains(watch()));
  one.lose("x@y");
  CHECK(watch() == COPPICE_E_NODEDOWN);
}

TEST_CASE("what comes while a callback runs waits until it has returned") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value reference = ask(one, "monitor", word{"db"}, 0, 0, word{"undefined"});
  ask(one, "after", 1000, word{"rings"});
  one.serve("meanwhile", [&](const value&) {
    one.send("sent"_erl);
    CHECK_FALSE(one.call("heard"_erl));
    one.advance(10s);
    return replies("ok"_erl);
  });
  CHECK(ask(one, "demonitor", reference, true) == true);
  CHECK(heard(one) == "[sent, rings]"_erl);
}

TEST_CASE("priority goes before what waits, by a priority alias only") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value ordinary = ask(one, "alias", 0);
  const value urgent = ask(one, "alias", COPPICE_PRIORITY);
  meanwhile(one, [&] {
    one.send("first"_erl);
    CHECK(one.send(ordinary, "second"_erl, COPPICE_PRIORITY));
    CHECK(one.send(urgent, "third"_erl));
    CHECK(one.send(urgent, "urgent"_erl, COPPICE_PRIORITY));
    CHECK(one.send(urgent, "urgent_too"_erl, COPPICE_PRIORITY));
  });
  CHECK(heard(one) == "[urgent, urgent_too, first, second, third]"_erl);
}

TEST_CASE("the end of a link or a monitor made with priority is a priority message") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  one.call("{raise, true}"_erl);
  const value a = "#Pid<'x@y'.1.2.3>"_erl;
  const value b = "#Pid<'x@y'.2.2.3>"_erl;
  const value first = ask(one, "monitor", a, 0, 0, word{"undefined"});
  const value second = ask(one, "monitor", b, COPPICE_PRIORITY, 0, word{"undefined"});
  ask(one, "link", a, COPPICE_PRIORITY);
  ask(one, "link", b, COPPICE_PRIORITY);
  ask(one, "link", b, 0); // the last link decides
  meanwhile(one, [&] {
    one.send("x"_erl);
    one.exit(b, "u"_erl);
    one.down(a, "v"_erl);
    one.exit(a, "w"_erl);
    one.down(b, "z"_erl);
  });
  const std::string from_a = text(a);
  const std::string from_b = text(b);
  CHECK(heard(one) == erl("[{'EXIT', " + from_a + ", w}, {'DOWN', " + text(second) + ", process, " + from_b +
                          ", z}, x, {'EXIT', " + from_b + ", u}, {'DOWN', " + text(first) + ", process, " +
                          from_a + ", v}]"));
  CHECK(one.links().empty());
}

TEST_CASE("an exit signal to an alias of its own has priority if both say so") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  one.call("{raise, true}"_erl);
  const value urgent = ask(one, "alias", COPPICE_PRIORITY);
  meanwhile(one, [&] {
    one.call(std::tuple(word{"exit"}, urgent.term(), word{"a"}, 0));
    one.call(std::tuple(word{"exit"}, urgent.term(), word{"b"}, COPPICE_PRIORITY));
    one.send("x"_erl);
    one.send("y"_erl);
  });
  const std::string self = text(one.pid());
  CHECK(heard(one) == erl("[{'EXIT', " + self + ", b}, x, y, {'EXIT', " + self + ", a}]"));
}

TEST_CASE("an alias is the actor's until it is given back, one for a message until that came") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value lasting = ask(one, "alias", 0);
  const value once = ask(one, "alias", COPPICE_ONCE);
  CHECK(one.send(lasting, "a"_erl));
  CHECK(one.send(lasting, "b"_erl));
  CHECK(one.send(once, "c"_erl));
  CHECK_FALSE(one.send(once, "d"_erl));
  CHECK(heard(one) == "[a, b, c]"_erl);
  CHECK(ask(one, "send", once, word{"e"}, 0) == COPPICE_OK); // sent by the actor itself: dropped as any other
  CHECK(heard(one) == "[a, b, c]"_erl);
}

TEST_CASE("a monitor's reference is an alias as long as its mode says") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const auto watch = [&one](std::uint32_t alias) {
    return ask(one, "monitor", word{"db"}, 0, alias, word{"undefined"});
  };
  CHECK_FALSE(one.send(watch(COPPICE_ALIAS_NONE), "x"_erl));
  for (const std::uint32_t mode : {COPPICE_ALIAS_EXPLICIT, COPPICE_ALIAS_DEMONITOR, COPPICE_ALIAS_REPLY}) {
    CAPTURE(mode);
    const value answered = watch(mode);
    CHECK(one.send(answered, "x"_erl));
    CHECK(one.monitors().contains(answered) == (mode != COPPICE_ALIAS_REPLY));
    CHECK(one.send(answered, "x"_erl) == (mode != COPPICE_ALIAS_REPLY));
    const value ended = watch(mode);
    CHECK(ask(one, "demonitor", ended, false) == true);
    CHECK(one.send(ended, "x"_erl) == (mode == COPPICE_ALIAS_EXPLICIT));
    const value lost = watch(mode);
    one.down("db"_erl, "gone"_erl);
    CHECK(one.send(lost, "x"_erl) == (mode == COPPICE_ALIAS_EXPLICIT));
  }
  CHECK(watch(COPPICE_ALIAS_REPLY + 1) == COPPICE_E_UNSUPPORTED);
}

TEST_CASE("a monitor's message begins with its tag, and goes with a flush") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value reference = ask(one, "monitor", word{"db"}, 0, 0, std::pair(word{"lost"}, 1));
  one.down("db"_erl, "gone"_erl);
  CHECK(heard(one) == erl("[{{lost, 1}, " + text(reference) + ", process, db, gone}]"));
  const value flushed = ask(one, "monitor", word{"db"}, 0, 0, word{"lost"});
  one.serve("meanwhile", [&](const value&) {
    one.down("db"_erl, "gone"_erl);
    return replies("ok"_erl);
  });
  ask(one, "demonitor", flushed, true);
  CHECK(heard(one).as<std::vector<value>>().size() == 1);
}

TEST_CASE("a lost node ends the links and monitors there, and is told to who monitors it") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  one.call("{raise, true}"_erl);
  const value there = "#Pid<'x@y'.1.2.3>"_erl;
  const value elsewhere = "#Pid<'x@z'.1.2.3>"_erl;
  const value reference = ask(one, "monitor", there, 0, 0, word{"undefined"});
  const value other = ask(one, "monitor", elsewhere, 0, 0, word{"undefined"});
  ask(one, "link", there, 0);
  ask(one, "link", elsewhere, 0);
  CHECK(ask(one, "monitor_node", word{"x@y"}) == true);
  CHECK(ask(one, "monitor_node", word{"x@y"}) == true);
  CHECK(ask(one, "monitor_node", word{"nowhere"}) == false);
  one.lose("x@y");
  CHECK(heard(one) ==
        erl("[{'DOWN', " + text(reference) + ", process, " + text(there) + ", noconnection}, {'EXIT', " +
            text(there) + ", noconnection}, {nodedown, 'x@y'}, {nodedown, 'x@y'}]"));
  CHECK(one.links().contains(elsewhere));
  CHECK(one.monitors().contains(other));
}

TEST_CASE("timers that repeat fire as often as they are due, in order with the others") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const value twos = ask(one, "every", 2000, word{"two"});
  ask(one, "every", 3000, word{"three"});
  ask(one, "after", 5000, word{"five"});
  CHECK(one.timers().at(0).period == 2s);
  one.advance(6s);
  CHECK(heard(one) == "[two, three, two, five, two, three]"_erl);
  CHECK(ask(one, "cancel", twos) == true);
  CHECK(ask(one, "cancel", twos) == false);
  one.advance(3s);
  CHECK(heard(one) == "[two, three, two, five, two, three, three]"_erl);
}

TEST_CASE("a timer that repeats leaves out the times that the actor was too late for, and does not drift") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  const auto begin = one.now();
  ask(one, "every", 2000, word{"two"});
  one.call("{nap, 7000}"_erl);
  CHECK(heard(one) == "[two]"_erl);
  CHECK(one.timers().at(0).due - begin == 8s);
  one.advance(1s);
  CHECK(heard(one) == "[two, two]"_erl);
}

TEST_CASE("a period below a millisecond is invalid") {
  const plugin envoys = fixture("envoy");
  actor one(envoys);
  CHECK(ask(one, "every", 0, word{"zero"}) == 0);
  CHECK(one.timers().empty());
  CHECK(ask(one, "every", 1, word{"one"}) != 0);
}
