// SPDX-License-Identifier: MIT
// Tests of members of a group on one node, whose machine adds numbers: the answers that clients get, what a
// member knows when it starts again, and what happens when its machine crashes.
#include "behaviours/raft/member.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "behaviours/raft/raft_counters.hpp"
#include "group_host.hpp"
#include "metrics/board.hpp"
#include "runtime/actor.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::raft_testing;
using namespace coppice::test;

TEST_CASE("a member alone leads, applies, and has everything again after its end") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 6}") == "{ok,2,11}");
  CHECK(host.ask("a", "{query, sum}") == "11");
  CHECK(host.ask("a", "{query, sum, stale}") == "11");
  CHECK(host.ask("a", "{query, other}") == "refused");
  CHECK(host.ask("a", "leader").starts_with("{ok,{a,test@localhost},"));
  CHECK(host.ask("a", "members") == "{ok,[{{a,test@localhost},voter}]}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "11");
  CHECK(host.ask("a", "{append, 1}") == "{ok,3,12}");
}

TEST_CASE("three members meet, any of them takes commands, and each sees what was appended before") {
  group_host host;
  host.start("a");
  host.start("b");
  CHECK(host.ask("a", "{append, 1}") == "{error,no_leader}"); // not before all have met
  CHECK(host.ask("a", "{client}") == "{error,no_leader}");
  CHECK(host.ask("a", "leader") == "{error,no_leader}");
  host.start("c");
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.done(name, "{append, 1}").starts_with("{ok,"));
  }
  for (const char* const name : {"a", "b", "c"}) CHECK(host.done(name, "{query, sum}") == "4");
}

TEST_CASE("the node knows which member leads, in which term, and the leader alone confirms it") {
  raft::lead_board board; // outlives the members, which leave it
  group_host host;
  host.shared->resources.give(board);
  host.options.query_timeout = 300 * ms;
  const std::string asks = "'$coppice_raft_leads'";
  host.start("a");
  host.start("b");
  CHECK(host.ask("a", asks) == "{error,no_leader}");
  CHECK(board.of("a") == raft::lead_board::standing());
  host.start("c");
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  const std::string first = host.leader();
  const auto before = board.of(first);
  CHECK(before.is_known);
  CHECK(before.leads);
  CHECK(host.ask(first, asks) == "{ok," + std::to_string(before.term) + "}");
  for (const std::string& one : host.names) {
    if (one == first) continue;
    CHECK(host.ask(one, asks) == "{error,{led_by,<<\"" + first + "@test@localhost\">>}}");
    CHECK_FALSE(board.of(one).leads);
  }
  host.kill(first);
  CHECK(runtime::testing::eventually([&] { return board.of(first) == raft::lead_board::standing(); }));
  const std::string other = first == "a" ? "b" : "a";
  CHECK(host.done(other, "{append, 1}").starts_with("{ok,"));
  const std::string second = host.ask(other, "leader").substr(5, 1);
  CHECK(second != first);
  CHECK(board.of(second).term > before.term);
  // A member alone cannot confirm that it leads, whether or not it has stepped down already.
  for (const std::string& one : host.names)
    if (one != first && one != second) host.kill(one);
  const std::string alone = host.ask(second, asks);
  CHECK((alone == "{error,timeout}" || alone == "{error,no_leader}"));
  CHECK(host.comes_to(second, asks, "{error,no_leader}"));
  CHECK_FALSE(board.of(second).is_known);
}

TEST_CASE("a majority goes on without a member, which catches up by a snapshot when it is back") {
  group_host host;
  host.options.snapshot_entries = 20;
  host.options.keep_entries = 2;
  host.options.append_timeout = 1000 * ms;
  host.start_all();
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  host.kill("b");
  for (int i = 0; i < 100; ++i) CHECK(host.done(i % 2 == 0 ? "a" : "c", "{append, 1}").starts_with("{ok,"));
  (void)host.book.take(0);
  host.start("b");
  CHECK(host.comes_to("b", "{query, sum, stale}", "101"));
  const auto lines = host.book.lines();
  CHECK(std::ranges::any_of(lines, [](const auto& line) { return line.starts_with("b restored "); }));
  CHECK(host.done("b", "{query, sum}") == "101");
}

TEST_CASE(
    "a command and its reply are told by the serial, as long as the log has it, also without a leader") {
  group_host host;
  host.start_all();
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    // The reply of an answered command is found by any member.
    CHECK(host.done(name, "{get, 1}") == "{ok,5,{ok,1,5}}");
    CHECK(host.done(name, "{get, 2}") == "unknown_serial");
  }
  host.kill("b");
  host.kill("c");
  CHECK(host.comes_to("a", "leader", "{error,no_leader}"));
  CHECK(host.ask("a", "{get, 1}") == "{ok,5,{ok,1,5}}");
}

TEST_CASE(
    "a command that was applied is found by its serial also while its actor applies all of them again") {
  group_host host({"a"});
  host.start("a");
  // More than the actor is given before it has applied some of them.
  for (int i = 1; i <= 700; ++i) CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  lost_gets = 2;
  const auto said = host.run([](runtime::process& self) {
    std::vector<std::string> out;
    std::vector<runtime::reference> asked;
    for (int i = 0; i < 2; ++i) {
      const auto ref = gen::start_call(self, runtime::destination::named("a"), term("{get, 690}").bytes());
      CHECK(ref.has_value());
      if (ref) asked.push_back(*ref);
    }
    for (const runtime::reference& one : asked) {
      const auto answer = gen::finish_call(self, one, base::mono_now() + 20 * base::nanos_per_second);
      out.push_back(answer ? text(*answer) : "no answer");
    }
    return out;
  });
  // The actor ended at the first one.
  CHECK(said == std::vector<std::string>{"{error,timeout}", "{ok,1,{ok,690,690}}"});
}

TEST_CASE("a command that the log has no more is told to be compacted, also after the member's end") {
  group_host host({"a"});
  host.options.snapshot_entries = 5;
  host.options.keep_entries = 2;
  host.start("a");
  CHECK(host.done("a", "{append, 1}") == "{ok,1,1}");
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  int last = 1;
  while (host.ask("a", "{get, 1}") != "compacted" && base::mono_now() < end) {
    ++last;
    CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  }
  CHECK(host.ask("a", "{get, 1}") == "compacted");
  const std::string n = std::to_string(last);
  CHECK(host.ask("a", "{get, " + n + "}") == "{ok,1,{ok," + n + "," + n + "}}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{get, 1}") == "compacted");
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  CHECK(host.ask("a", "{get, " + std::to_string(last + 1) + "}").starts_with("{ok,1,"));
}

TEST_CASE("what comes of a timer is an entry if the member leads, and of the others it is dropped") {
  group_host host;
  host.options.election = 2 * base::nanos_per_second; // the machine reports the timer once
  host.start_all();
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  CHECK(host.done("b", "{append, ring}").starts_with("{ok,"));
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.comes_to(name, "{query, sum, stale}", "1001"));
  }
  CHECK(host.done("a", "{append, 1}").ends_with(",1002}"));
  const auto lines = host.book.lines();
  CHECK(std::ranges::any_of(lines, [](const auto& line) { return line.ends_with(" leads"); }));
}

TEST_CASE("what came of timers while the lead was to be handed over is applied, however large it is") {
  group_host host;
  host.options.election = 5 * base::nanos_per_second; // it keeps the lead on a slow machine, too
  host.start_all();
  CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  const std::string leader = host.leader();
  const std::string other = leader == "a" ? "b" : "a";
  host.kill(other);
  const std::string leads = host.ask(leader, "leader");
  const std::string said = host.run([&](runtime::process& self) {
    const auto to = runtime::destination::named(leader);
    const base::nanos end = base::mono_now() + 40 * base::nanos_per_second;
    // The member that is meant is gone, so the transfer fails; meanwhile nothing is appended.
    const auto transfer = gen::start_call(
        self, to, raft::member::change_request("transfer", other + "@test@localhost").bytes());
    const auto rings = gen::start_call(self, to, term("{query, ring_six, stale}").bytes());
    if (!transfer || !rings) return std::string("not asked");
    CHECK(gen::finish_call(self, *rings, end).has_value());
    const auto how = gen::finish_call(self, *transfer, end);
    return how ? text(*how) : std::string("no answer");
  });
  CHECK(said == "{error,timeout}");
  CHECK(host.comes_to(leader, "{query, sum, stale}", "6001"));
  CHECK(host.ask(leader, "leader") == leads);
}

TEST_CASE(
    "a member whose state differs from that of the majority applies nothing any more, and the others go on") {
  group_host host;
  host.options.check = 1; // each command is checked, since it may be appended twice
  host.start_all();
  CHECK(host.done("b", "{append, 1}").starts_with("{ok,"));
  for (const char* const name : {"a", "b", "c"}) CHECK(host.comes_to(name, "{query, sum, stale}", "1"));
  (void)host.done("b", "{append, drift}");
  CHECK(host.comes_to("a", "{query, sum, stale}", "{error,parked}"));
  const std::string after = host.done("b", "{append, 1}");
  CAPTURE(after);
  CHECK(
      (after.starts_with("{ok,") || after == "{error,parked}")); // the latter by way of a, which may have led
  CHECK(host.comes_to("b", "{query, sum, stale}", after.starts_with("{ok,") ? "2" : "1"));
  // Messages that come from no member have no effect.
  for (const char* const bad :
       {"{raft_check, 1, 2, 3, 4, 5, true}", "{raft_check, <<>>, <<>>, 1, 1, 1, true}",
        "{raft_check, <<\"aaaaaaaaaaaaaaaa\">>, <<\"bbbbbbbbbbbbbbbb\">>, 1, 1, 1, true}",
        "{raft_check, 1, 2}"})
    host.system.send(host.running.at("b"), term(bad));
  CHECK(host.comes_to("b", "{query, sum, stale}", after.starts_with("{ok,") ? "2" : "1"));
}

TEST_CASE("a session's repeat has the first answer") {
  group_host host({"a"});
  host.start("a");
  const std::string opened = host.done("a", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  CHECK(host.ask("a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 5, {" + client + ", 2}}") == "{ok,2,10}");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{append, 5, {" + client + ", 2}}") == "{ok,2,10}");
  CHECK(host.ask("a", "{query, sum}") == "10");
}

TEST_CASE(
    "a snapshot that is larger than the node's limits let a state be is not taken, and the member says so") {
  group_host host({"a"});
  host.options.snapshot_entries = 3;
  host.options.keep_entries = 0;
  host.largest_state.bytes = 8;
  host.start("a");
  CHECK(host.comes_to("a", "{append, 1}", "{ok,10,10}"));
  const auto says = [&host] {
    return host.system_request(runtime::destination::named("a"), "get_state").find("are the most") !=
           std::string::npos;
  };
  CHECK(runtime::testing::eventually(says));
  CHECK(host.ask("a", "{get, 1}") == "{ok,1,{ok,1,1}}"); // the log has all entries
  host.kill("a");
  host.largest_state.bytes = 1024;
  host.start("a");
  CHECK(host.comes_to("a", "{get, 1}", "compacted"));
  CHECK(host.done("a", "{query, sum}") == "10");
}

TEST_CASE("a session is used from the node that has opened it alone, whichever member is asked") {
  constexpr const char* unknown = "{error,{discarded,unknown_client}}";
  group_host host;
  host.start_all();
  const std::string opened = host.done_from("two@localhost", "b", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  std::uint64_t number = 0;
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    const std::string command = "{append, 5, {" + client + ", " + std::to_string(++number) + "}}";
    CHECK(host.done_from("three@localhost", name, command) == unknown);
    CHECK(host.done(name, command) == unknown);
    const std::string done = "{ok," + std::to_string(number) + "," + std::to_string(5 * number) + "}";
    CHECK(host.done_from("two@localhost", name, command) == done);
    CHECK(host.done_from("three@localhost", name, command) == unknown);
    CHECK(host.done_from("two@localhost", name, command) == done);
  }
  CHECK(host.done("a", "{query, sum}") == "15");
}

TEST_CASE(
    "a node that the configuration names, and that has no member, passes on no requests and no hellos") {
  group_host host({"a"});
  host.options.join.push_back("x@three@localhost"); // a new member would ask this one
  host.start("a");
  const std::string opened = host.done_from("two@localhost", "a", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  // A request in the session of another node.
  host.tell_from("three@localhost", "a",
                 "{raft_ask, x, 1, 'two@localhost', {append, 5, {" + client + ", 1}}}");
  host.tell_from("three@localhost", "a", "{raft_ask, x, 2, 'two@localhost', {append, 5}}");
  host.tell_from(
      "three@localhost", "a",
      "{raft_met, 'four@localhost', {raft_hello, m, 1, <<\"0123456789abcdef\">>, true, undefined}}");
  CHECK(host.ask("a", "{query, sum}") == "0");
  const std::string add = "{'$coppice_raft_change', add, <<\"m@four@localhost\">>}";
  CHECK(host.ask("a", add) == "{error,not_met}");
  CHECK(host.done_from("two@localhost", "a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
}

TEST_CASE("a session is bound to its node also where the log has its entry no more") {
  constexpr const char* unknown = "{error,{discarded,unknown_client}}";
  group_host host({"a"});
  host.options.snapshot_entries = 5;
  host.options.keep_entries = 0;
  host.start("a");
  const std::string opened = host.done_from("two@localhost", "a", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  CHECK(host.comes_to("a", "{append, 1}", "{ok,20,20}"));
  CHECK(host.comes_to("a", "{get, 1}", "compacted"));
  const std::string first = "{append, 5, {" + client + ", 1}}";
  CHECK(host.ask_from("three@localhost", "a", first) == unknown);
  CHECK(host.ask("a", first) == unknown);
  CHECK(host.ask_from("two@localhost", "a", first) == "{ok,21,25}");
  host.kill("a");
  host.start("a");
  CHECK(host.done_from("three@localhost", "a", first) == unknown);
  CHECK(host.ask_from("two@localhost", "a", first) == "{ok,21,25}");
  CHECK(host.ask("a", "{query, sum}") == "25");
}

TEST_CASE("a command under a number that no session has is not logged, so that it fits no later session") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 1}") == "{ok,1,1}");
  for (const char* const client : {"1", "100"}) {
    CAPTURE(client);
    CHECK(host.ask("a", "{append, 5, {" + std::string(client) + ", 1}}") ==
          "{error,{discarded,unknown_client}}");
  }
  CHECK(host.ask("a", "{query, sum}") == "1");
}

TEST_CASE("a session's repeat has the first answer also where validate refuses it by now") {
  group_host host({"a"});
  checks = checking::accepts;
  host.start("a");
  const std::string opened = host.done("a", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  CHECK(host.ask("a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
  checks = checking::refuses;
  CHECK(host.ask("a", "{append, 5, {" + client + ", 1}}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, 5, {" + client + ", 2}}") == "{error,{discarded,refused}}");
  CHECK(host.ask("a", "{append, 5}") == "{error,{discarded,refused}}");
  CHECK(host.ask("a", "{query, sum}") == "5");
}

TEST_CASE("a session's repeat is not refused by validate while its first try is on its way") {
  group_host host;
  host.options.election = 2 * base::nanos_per_second;
  host.options.append_timeout = 300 * ms;
  checks = checking::accepts;
  host.start_all();
  const std::string opened = host.done("a", "{client}");
  REQUIRE(opened.starts_with("{ok,"));
  const std::string client = opened.substr(4, opened.size() - 5);
  const std::string leader = host.leader();
  for (const std::string& one : host.names)
    if (one != leader) host.kill(one);
  const std::string command = "{append, 5, {" + client + ", 1}}";
  const std::string first = host.ask(leader, command);
  checks = checking::refuses;
  // If the leader has lost its lead by now, the answer says so.
  const std::string again = host.ask(leader, command);
  CHECK(first.starts_with("{error,"));
  CHECK(again.starts_with("{error,"));
  CHECK(again.find("discarded") == std::string::npos);
}

TEST_CASE(
    "a command that crashes the machine three times stops the member's applying, and it goes on to store") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, crash}") == "{error,timeout}");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.ask("a", "{append, 5}") == "{error,parked}");
  CHECK(host.ask("a", "leader").starts_with("{ok,"));
}

TEST_CASE(
    "a command that crashes is passed over once an operator wants it, also by a machine that was mended") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", skip_of(1)) == "{error,{not_parked,0,1}}");
  CHECK(host.ask("a", "{append, crash}") == "{error,timeout}");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.ask("a", skip_of(1)) == "{error,{not_parked,0,1}}");
  CHECK(host.ask("a", skip_of(3)) == "{error,{not_parked,0,1}}");
  for (const char* const bad : {"", "0", "-2", "2x", "99999999999999999999999"}) {
    CAPTURE(bad);
    CHECK(host.ask("a", "{'$coppice_raft_change', skip, <<\"" + std::string(bad) + "\">>}") ==
          "{error,badarg}");
  }
  CHECK(host.ask("a", skip_of(2)) == "ok");
  CHECK(host.comes_to("a", "{query, sum}", "5"));
  CHECK(host.ask("a", "{append, 1}") == "{ok,3,6}");
  CHECK(host.ask("a", skip_of(2)) == "{error,exists}");
  host.kill("a");
  is_mended = true;
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "6");
  CHECK(host.ask("a", "{append, 1}") == "{ok,4,7}");
}

TEST_CASE("a majority that is parked at one serial passes over its command in all members") {
  group_host host;
  host.options.election = 1000 * ms;
  host.start_all();
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (host.ask(host.leader(), "{append, crash}") == "{error,no_leader}" && base::mono_now() < end) {
  }
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.comes_to(name, "{query, sum, stale}", "{error,parked}"));
  }
  CHECK(host.skips(2));
  for (const char* const name : {"a", "b", "c"}) {
    CAPTURE(name);
    CHECK(host.comes_to(name, "{query, sum, stale}", "5"));
  }
  CHECK(host.done("b", "{append, 1}").starts_with("{ok,"));
}

TEST_CASE("a member whose majority is lost goes on alone when an operator wants it, and starts alone again") {
  group_host host;
  constexpr const char* const recover = "{'$coppice_raft_change', recover, <<>>}";
  host.start("a");
  CHECK(host.ask("a", recover) == "{error,no_log}");
  host.start("b");
  host.start("c");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.comes_to("a", "{query, sum, stale}", "5"));
  CHECK(host.done("b", "leader").starts_with("{ok,")); // b may hear of the leader later than a
  CHECK(host.ask("b", recover) == "{error,has_leader}");
  host.kill("b");
  host.kill("c");
  CHECK(host.comes_to("a", "leader", "{error,no_leader}"));
  CHECK(host.comes_to("a", recover, "ok"));
  CHECK(host.done("a", "{append, 1}") == "{ok,2,6}");
  CHECK(host.ask("a", "members") == "{ok,[{{a,test@localhost},voter}]}");
  CHECK(host.ask("a", recover) == "{error,has_leader}");
  // The other two members are a majority of the former group, and have become a different group.
  host.start("b");
  host.start("c");
  CHECK(host.done("b", "{query, sum}") == "5");
  host.kill("a");
  host.start("a");
  CHECK(host.done("a", "{query, sum}") == "6");
  CHECK(host.ask("a", "members") == "{ok,[{{a,test@localhost},voter}]}");
}

TEST_CASE("a command that ends the machine orderly is one that crashes it") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, leave}") == "{error,timeout}");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.ask("a", "leader").starts_with("{ok,"));
}

TEST_CASE("a member whose machine does not take the snapshot lives, and says so to those who ask") {
  group_host host({"a"});
  host.options.snapshot_entries = 5;
  host.start("a");
  CHECK(host.done("a", "{append, 1}") == "{ok,1,1}");
  const auto group = *host.log.log()->group("raft/a");
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (raft::read_group(*host.log.log(), group)->state.snapshot.index == 0 && base::mono_now() < end)
    CHECK(host.done("a", "{append, 1}").starts_with("{ok,"));
  host.kill("a");
  host.book.failures["restore"] = 100;
  host.start("a");
  CHECK(host.comes_to("a", "{query, sum}", "{error,parked}"));
  CHECK(host.comes_to("a", "{append, 1}", "{error,parked}"));
  CHECK(host.comes_to("a", "members", "{ok,[{{a,test@localhost},voter}]}"));
}

TEST_CASE("a member whose log has ended lives without a leader, also when it starts again") {
  group_host host({"a"});
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  host.log.log()->settle();
  host.disk.plan(0, memory_disk::fault::fails);
  (void)host.ask("a", "{append, 6}");
  CHECK(host.comes_to("a", "leader", "{error,no_leader}"));
  CHECK(host.ask("a", "{append, 5}") == "{error,no_leader}");
  CHECK(host.ask("a", "{query, sum, stale}") == "{error,no_leader}");
  host.kill("a");
  host.start("a");
  CHECK(host.ask("a", "{append, 5}") == "{error,no_leader}");
  CHECK(host.ask("a", "leader") == "{error,no_leader}");
}

TEST_CASE("a member goes on when the disk that refused its write has room again") {
  group_host host({"a"});
  host.disk.can_reserve = false; // so that a full disk shows at once
  host.options.append_timeout = 300 * ms;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  host.log.log()->settle();
  host.disk.capacity = 0;
  CHECK(host.ask("a", "{append, 6}") != "{ok,2,11}");
  host.log.log()->settle();
  host.disk.capacity = ~std::uint64_t{0};
  CHECK(host.done("a", "{append, 7}").starts_with("{ok,"));
}

TEST_CASE("hellos of many names from one node keep no newcomer of another one away") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  const runtime::pid a = host.running.at("a");
  const std::uint32_t node = *host.system.nodes().intern("far@localhost");
  const auto hello = [](const std::string& name, std::uint64_t id) {
    return raft::to_message({name, 1, {1, id}, true, {}});
  };
  for (std::uint64_t i = 1; i <= 100; ++i) host.system.send(a, hello("x" + std::to_string(i), i));
  auto far =
      runtime::make_signal(runtime::signal_kind::message, runtime::pid{node, 77, 40, 0}, hello("z", 1000));
  far->flags = runtime::signal::remote;
  host.system.deliver(a, std::move(far));
  for (std::uint64_t i = 1; i <= 100; ++i) host.system.send(a, hello("y" + std::to_string(i), 100 + i));
  CHECK(host.ask("a", "{'$coppice_raft_change', add, <<\"w@far@localhost\">>}") == "{error,not_met}");
  CHECK(host.ask("a", "{'$coppice_raft_change', add, <<\"z@far@localhost\">>}") == "ok");
}

TEST_CASE("what is too large, too much or no request is refused") {
  group_host host({"a"});
  host.options.entry_bytes = 100;
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  CHECK(host.ask("a", "{append, <<\"" + std::string(200, 'x') + "\">>}") == "{error,too_large}");
  for (const char* const bad :
       {"{append}", "{append, 1, 2}", "{append, 1, {0, 1}}", "{append, 1, {1, 0}}", "{query}",
        "{query, sum, late}", "{client, 1}", "{get}", "{get, 0}", "{get, a}", "{get, 1, 2}"}) {
    CAPTURE(bad);
    CHECK(host.ask("a", bad).starts_with("{error,{bad_request,"));
  }
  for (const char* const bad : {"other", "{other, 1}", "1", "[]"}) {
    CAPTURE(bad);
    CHECK(host.ask("a", bad) == "{error,bad_request}");
  }
}

TEST_CASE("messages that no member has sent change nothing") {
  group_host host({"a"});
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  for (const char* const bad :
       {"{raft, 1, 2, 3}", "{raft_hello, a, b, c}", "{raft_ask, a, 1, b, {query, sum}}",
        "{raft_ask, 1, 2, 3}", "{raft_ask, a, 1, 2, {append, 5}}", "{raft_where, a, b}", "{raft_where, 1, 2}",
        "{raft_here, a, 1, 2}", "{raft_here, a, b, c}", "{raft_answer, 1, x}", "{raft_answer, x, x}",
        "{'$coppice_raft', 1, save}", "'$coppice_raft_tick'", "'$coppice_raft_flush'", "'$coppice_journal'",
        "raft", "{'EXIT', 1, 2}"})
    host.system.send(host.running.at("a"), term(bad));
  CHECK(host.ask("a", "{append, 5}") == "{ok,2,10}");
}

TEST_CASE("a write that takes longer than a heartbeat is counted, and so is an actor that applies nothing") {
  metrics::board board;
  std::atomic<bool> is_slow = false;
  group_host host({"a"});
  host.shared->resources.give(board);
  host.disk.before_sync = [&] {
    const base::nanos until = base::mono_now() + (is_slow ? 2 * host.options.heartbeat : 0);
    while (base::mono_now() < until) std::this_thread::yield();
  };
  host.start("a");
  CHECK(host.done("a", "{append, 5}") == "{ok,1,5}");
  const auto rows = board.rows<raft::raft_counters>();
  REQUIRE(rows.size() == 1);
  const raft::raft_counters& counted = *rows.front().counters;
  is_slow = true;
  CHECK(host.ask("a", "{append, 6}") == "{ok,2,11}");
  is_slow = false;
  CHECK(counted.slow_write.value() > static_cast<std::uint64_t>(host.options.heartbeat));
  CHECK(counted.slow_write_at.value() != 0);
  CHECK(host.comes_to("a", "{query, sum}", "11"));
  CHECK(counted.waits_since.value() == 0);
  host.run([](runtime::process& self) {
    self.send(runtime::destination::named("a"),
              gen::call_message(self, self.make_ack(), term("{append, keep_still}").bytes()));
  });
  const base::nanos end = base::mono_now() + 20 * base::nanos_per_second;
  while (counted.waits_since.value() == 0 && base::mono_now() < end) (void)host.ask("a", "leader");
  CHECK(counted.waits_since.value() != 0);
}

TEST_CASE("a member without a log does not start, and says why") {
  group_host host({"a"});
  journal other("/log", host.disk);
  REQUIRE(other.open().has_value()); // this journal has the log open
  auto child = std::make_shared<child_spec>();
  child->name = "a";
  child->actor = "adding";
  const auto made = host.run([&](runtime::process& self) {
    return gen::start(
        self, {},
        std::make_unique<raft::member>(raft::member::parts{
            child, std::make_shared<raft::raft_spec>(host.options), {}, {}, {}, host.shared, "a"}));
  });
  REQUIRE_FALSE(made.has_value());
  CHECK(text(made.error().reason).starts_with("{log,"));
}
