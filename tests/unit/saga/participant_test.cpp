// SPDX-License-Identifier: MIT
// Tests of a step in which this node takes part: kept answers, undo, which node may request what, bounds,
// restarts.
#include "one_saga.hpp"
#include "saga/node_room.hpp"

using namespace coppice::saga;
using namespace coppice::saga::test;

namespace {

constexpr auto perform = request_kind::perform, reverse = request_kind::reverse,
               forget = request_kind::forget;

void give_and_repeat(verdict::kind said, answer_kind kept) {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.receive("b", of.asks(perform));
  CHECK(of.out.calls.empty());
  of.answer(callback::perform, says(said, 5));
  of.receive("b", of.asks(perform));
  CHECK(of.out.calls.empty());
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == kept);
  of.restart();
  of.receive("b", of.asks(perform));
  CHECK(of.out.calls.empty());
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == kept);
  CHECK(of.replied(perform)->value == number(5));
  of.receive("b", of.asks(forget));
  CHECK(of.replied(forget)->what == answer_kind::ok);
  CHECK(of.disk.empty());
  of.receive("b", of.asks(forget));
  CHECK(of.replied(forget)->what == answer_kind::ok);
  of.receive("b", of.asks(perform));
  CHECK(of.out.calls.empty());
}

} // namespace

TEST_CASE("the actor is called once it is kept that the step begins, the answer told once that is kept") {
  one_saga of;
  of.holds_writes = true;
  of.receive("b", of.asks(perform));
  CHECK(of.out.calls.empty());
  of.sync();
  REQUIRE(of.calls(callback::perform) == 1);
  CHECK(of.out.calls[0].attempt == 1);
  of.seen = of.out.calls;
  of.answer(callback::perform, says(verdict::kind::ok, 5));
  CHECK(of.out.messages.empty());
  of.sync();
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->value == number(5));
  CHECK(of.out.messages[0].to == address{"shop", "b"});
}

TEST_CASE("a repeat gets the kept answer and calls nothing, also after a restart, until it is forgotten") {
  give_and_repeat(verdict::kind::ok, answer_kind::ok);
  give_and_repeat(verdict::kind::error, answer_kind::error);
}

TEST_CASE("a key whose answer was not kept before the node died is run again with a higher attempt") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.restart();
  CHECK(of.out.calls.empty());
  of.receive("b", of.asks(perform));
  REQUIRE(of.calls(callback::perform) == 1);
  CHECK(of.out.calls[0].attempt == 2);
  of.restart();
  of.receive("b", of.asks(reverse));
  CHECK(of.calls(callback::reverse) == 1);
}

TEST_CASE("a call that ended without an answer is told at once, and is repeated with a higher attempt") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.call_ends(callback::perform);
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::busy);
  of.answer(callback::perform, says(verdict::kind::ok)); // too late
  CHECK(of.out.messages.empty());
  of.receive("b", of.asks(perform));
  REQUIRE(of.calls(callback::perform) == 1);
  CHECK(of.out.calls[0].attempt == 2);
  CHECK(of.out.calls[0].value == number(9));
}

TEST_CASE("a step whose calls end again and again without an answer is undone, also over a restart") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.call_ends(callback::perform);
  SUBCASE("in one life") {
    of.receive("b", of.asks(perform));
    of.call_ends(callback::perform);
  }
  SUBCASE("over a restart") {
    of.restart();
    of.pass(of.how.retry_max + of.how.step_timeout);
    of.receive("b", of.asks(perform));
    of.call_ends(callback::perform);
  }
  of.receive("b", of.asks(perform));
  REQUIRE(of.calls(callback::perform) == 1);
  CHECK(of.out.calls[0].attempt == 3);
  of.call_ends(callback::perform);
  REQUIRE(of.calls(callback::reverse) == 1);
  CHECK(of.out.calls[0].value == number(9));
  of.answer(callback::reverse, says(verdict::kind::ok));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::error);
  CHECK(of.replied(perform)->value == reason("exit"));
}

TEST_CASE("an undo asks for the end of the step's call, and is called once that has ended or answered") {
  one_saga of;
  of.holds_writes = true;
  of.receive("b", of.asks(perform));
  of.receive("b", of.asks(reverse));
  CHECK(of.out.stops.empty()); // the call has not been made yet
  of.sync();
  REQUIRE(of.calls(callback::perform) == 1);
  CHECK(of.out.stops == std::vector<std::uint64_t>{of.out.calls[0].token});
  of.seen = of.out.calls;
  of.holds_writes = false;
  SUBCASE("ended") {
    of.receive("b", of.asks(reverse));
    CHECK(of.out.stops == std::vector<std::uint64_t>{of.seen[0].token});
    CHECK(of.out.calls.empty());
    of.call_ends(callback::perform);
    REQUIRE(of.calls(callback::reverse) == 1);
    of.receive("b", of.asks(reverse));
    CHECK(of.out.stops.empty()); // the undo itself is not stopped
  }
  SUBCASE("answered") {
    of.answer(callback::perform, says(verdict::kind::ok));
    REQUIRE(of.calls(callback::reverse) == 1);
  }
  of.answer(callback::reverse, says(verdict::kind::ok));
  REQUIRE(of.replied(reverse) != nullptr);
  CHECK(of.replied(reverse)->what == answer_kind::ok);
}

TEST_CASE("an undo whose call ended without an answer is called again later") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.answer(callback::perform, says(verdict::kind::ok));
  of.receive("b", of.asks(reverse));
  of.call_ends(callback::reverse);
  CHECK(of.out.calls.empty());
  CHECK(of.replied(reverse) == nullptr);
  of.pass(of.how.retry_max);
  CHECK(of.calls(callback::reverse) == 1);
}

TEST_CASE(
    "an undo of a key that never came answers ok, calls nothing, and the step is refused from then on") {
  one_saga of;
  of.receive("b", of.asks(reverse));
  CHECK(of.replied(reverse)->what == answer_kind::ok);
  CHECK(of.out.calls.empty());
  of.receive("b", of.asks(perform));
  CHECK(of.replied(perform)->what == answer_kind::error);
  CHECK(of.out.calls.empty());
}

TEST_CASE("an undo runs once, is answered again, and of a failed step runs nothing") {
  one_saga of;
  of.receive("b", of.asks(perform));
  SUBCASE("done") {
    of.answer(callback::perform, says(verdict::kind::ok));
    of.receive("b", of.asks(reverse));
    REQUIRE(of.calls(callback::reverse) == 1);
    CHECK(of.out.calls[0].value == number(9));
    of.receive("b", of.asks(reverse));
    CHECK(of.out.calls.empty());
    of.answer(callback::reverse, says(verdict::kind::ok));
    CHECK(of.replied(reverse) != nullptr);
    of.receive("b", of.asks(reverse));
    CHECK(of.replied(reverse) != nullptr);
    of.restart();
    of.receive("b", of.asks(perform));
    CHECK(of.out.calls.empty());
    CHECK(of.replied(perform)->what == answer_kind::error);
  }
  SUBCASE("failed") {
    of.answer(callback::perform, says(verdict::kind::error));
    of.receive("b", of.asks(reverse));
    CHECK(of.out.calls.empty());
    CHECK(of.replied(reverse) != nullptr);
  }
  SUBCASE("under way") {
    of.receive("b", of.asks(reverse));
    CHECK(of.out.calls.empty());
    of.answer(callback::perform, says(verdict::kind::ok));
    CHECK(of.calls(callback::reverse) == 1);
  }
}

TEST_CASE("an undo that fails is called again later, and one that never can is told") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.answer(callback::perform, says(verdict::kind::ok));
  of.receive("b", of.asks(reverse));
  of.answer(callback::reverse, says(verdict::kind::error));
  CHECK(of.out.messages.empty());
  of.pass(of.how.retry_first);
  CHECK(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::never, 3));
  REQUIRE(of.replied(reverse) != nullptr);
  CHECK(of.replied(reverse)->what == answer_kind::error);
}

TEST_CASE("a step whose undo has failed and is to be called again is not done again meanwhile") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.restart(); // its answer was not kept
  of.receive("b", of.asks(reverse));
  of.answer(callback::reverse, says(verdict::kind::error));
  of.receive("b", of.asks(perform));
  CHECK(of.out.calls.empty());
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::busy);
  of.pass(of.how.retry_first);
  REQUIRE(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::ok));
  CHECK(of.replied(reverse) != nullptr);
  of.receive("b", of.asks(perform));
  CHECK(of.replied(perform)->what == answer_kind::error);
}

TEST_CASE("a key belongs to the node that gives it out, whatever else asks") {
  one_saga of;
  of.receive("c", of.asks(perform));
  CHECK(of.out.calls.empty());
  of.receive("b", of.asks(perform));
  of.answer(callback::perform, says(verdict::kind::ok));
  of.receive("c", of.asks(reverse));
  of.receive("c", of.asks(forget));
  CHECK(of.out.calls.empty());
  CHECK(of.machine->entries() == 1);
  CHECK(of.dropped(drop::origin) == 3);
}

TEST_CASE("a loop and a path beyond the hops are refused in words") {
  one_saga of;
  request in = of.asks(perform);
  SUBCASE("loop") {
    in.key.step.path = {{{"orders", "a"}, 1}, {{"shop", "b"}, 1}};
    of.receive("b", in);
    CHECK(of.replied(perform)->value == reason("loop"));
  }
  SUBCASE("hops") {
    in.key.step.hops = 0;
    of.receive("b", in);
    CHECK(of.replied(perform)->value == reason("hop_limit"));
  }
  CHECK(of.replied(perform)->what == answer_kind::error);
  CHECK(of.machine->entries() == 0);
}

TEST_CASE("a full table answers busy") {
  options how;
  how.keep_count = 1;
  one_saga of(how);
  of.receive("b", of.asks(perform));
  of.receive("b", of.asks(perform, commit_kind::compensate, 2));
  CHECK(of.replied(perform)->what == answer_kind::busy);
  CHECK(of.out.calls.empty());
}

namespace {

request asked_by(const std::string& node, std::uint32_t step, std::size_t bytes = 1) {
  return {perform,
          commit_kind::compensate,
          {"t", {16, {{{"shop", node}, step}}}},
          {std::string(bytes, 'x')},
          1000};
}

} // namespace

TEST_CASE("one node has at most three quarters of the steps, and the rest stays for the others") {
  options how;
  how.keep_count = 4;
  one_saga of(how);
  for (std::uint32_t step = 1; step <= 3; ++step) {
    of.receive("b", asked_by("b", step));
    CHECK(of.calls(callback::perform) == 1);
  }
  of.receive("b", asked_by("b", 4));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::busy);
  CHECK(of.machine->counted().over_share == 1);
  of.receive("c", asked_by("c", 1));
  CHECK(of.calls(callback::perform) == 1);
  of.receive("c", asked_by("c", 2));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::busy);
  CHECK(of.machine->counted().over_share == 1); // the table is full now
  const std::vector<call> asked = of.seen;
  for (const call& one : asked) of.answer(one, says(verdict::kind::ok));
  of.receive("b", asked_by("b", 1));
  CHECK(of.replied(perform)->what == answer_kind::ok);
  of.restart();
  of.receive("b", asked_by("b", 4));
  CHECK(of.replied(perform)->what == answer_kind::busy);
  for (std::uint32_t step = 1; step <= 3; ++step) {
    request last = asked_by("b", step);
    last.what = forget;
    of.receive("b", last);
  }
  of.receive("b", asked_by("b", 4));
  CHECK(of.calls(callback::perform) == 1);
}

TEST_CASE("what a saga keeps for other nodes is bounded in bytes, and given back") {
  options how;
  how.max_bytes_for_others = 4000;
  one_saga of(how);
  const auto is_taken = [&of](const std::string& node, std::uint32_t step, std::size_t bytes) {
    of.receive(node, asked_by(node, step, bytes));
    return of.calls(callback::perform) == 1;
  };
  CHECK(is_taken("b", 1, 2000));
  CHECK_FALSE(is_taken("b", 2, 2000)); // beyond the share of one node
  CHECK_FALSE(is_taken("c", 1, 2000)); // beyond the share of all nodes
  CHECK(is_taken("c", 2, 1000));
  CHECK(of.machine->bytes_for_others() > 3000);
  CHECK(of.machine->bytes_for_others() < 4000);
  request own = asked_by("a", 1, 5000);
  of.receive("a", own);
  CHECK(of.calls(callback::perform) == 1);
  const std::vector<call> asked = of.seen;
  for (const call& one : asked) of.answer(one, says(verdict::kind::ok));
  CHECK(of.machine->bytes_for_others() < 1000);
  for (const auto& [node, step] : {std::pair("b", 1U), std::pair("c", 2U)}) {
    request last = asked_by(node, step);
    last.what = forget;
    of.receive(node, last);
  }
  CHECK(of.machine->bytes_for_others() == 0);
}

TEST_CASE(
    "the value of an undo is kept until it is carried out, and a node always has room for one of them") {
  options how;
  how.max_bytes_for_others = 4000;
  one_saga of(how);
  const auto undo = [](std::uint32_t step) {
    request made = asked_by("b", step, 3500);
    made.what = request_kind::reverse;
    return made;
  };
  for (const std::uint32_t step : {1U, 2U, 3U}) {
    of.receive("b", asked_by("b", step));
    of.answer(callback::perform, says(verdict::kind::ok));
  }
  of.receive("b", undo(1));
  CHECK(of.calls(callback::reverse) == 1);
  of.receive("b", undo(2));
  CHECK(of.calls(callback::reverse) == 0);
  REQUIRE(of.replied(request_kind::reverse) != nullptr);
  CHECK(of.replied(request_kind::reverse)->what == answer_kind::busy);
  of.answer(callback::reverse, says(verdict::kind::ok));
  CHECK(of.machine->bytes_for_others() < 1000);
  of.receive("b", undo(2));
  CHECK(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::never)); // the coordinator is told
  CHECK(of.machine->bytes_for_others() < 1000);
  of.receive("b", undo(3));
  CHECK(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::ok));
  of.receive("b", undo(2)); // the request comes again
  CHECK(of.calls(callback::reverse) == 1);
  CHECK(of.called(callback::reverse)->value.encoded.size() == 3500);
}

TEST_CASE("a step that is done again has no more room than a first one") {
  options how;
  how.max_bytes_for_others = 4000;
  one_saga of(how);
  of.receive("b", asked_by("b", 1));
  of.call_ends(callback::perform);
  of.receive("b", asked_by("b", 1, 3500));
  CHECK(of.calls(callback::perform) == 0);
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::busy);
  of.receive("b", asked_by("b", 1, 2000));
  CHECK(of.calls(callback::perform) == 1);
}

TEST_CASE("the sagas of a node share one bound for other nodes, and each gives back what it had") {
  node_room room;
  options how;
  how.max_bytes_for_others = 4000;
  how.room = &room;
  auto first = std::make_unique<one_saga>(how);
  one_saga second(how);
  const auto is_taken = [](one_saga& of, const std::string& node, std::uint32_t step, std::size_t bytes) {
    of.receive(node, asked_by(node, step, bytes));
    return of.calls(callback::perform) == 1;
  };
  CHECK(is_taken(*first, "b", 1, 2000));
  CHECK_FALSE(is_taken(second, "b", 2, 2000)); // beyond the share of one node
  CHECK_FALSE(is_taken(second, "c", 1, 2000)); // beyond the share of all nodes
  CHECK(second.machine->counted().over_share == 2);
  REQUIRE(second.replied(perform) != nullptr);
  CHECK(second.replied(perform)->what == answer_kind::busy);
  CHECK(is_taken(second, "c", 2, 1000));
  CHECK(room.taken() == first->machine->bytes_for_others() + second.machine->bytes_for_others());
  first.reset();
  CHECK(room.taken() == second.machine->bytes_for_others());
  CHECK(is_taken(second, "b", 3, 2000));
}

TEST_CASE("an interim value goes to the coordinator while the step is under way") {
  one_saga of;
  of.receive("b", of.asks(perform));
  of.out.clear();
  of.machine->interim(of.now, of.key(), number(1), of.out);
  CHECK(of.out.messages.size() == 1);
  of.answer(callback::perform, says(verdict::kind::ok));
  of.out.clear();
  of.machine->interim(of.now, of.key(), number(1), of.out);
  CHECK(of.out.messages.empty());
}

TEST_CASE("messages that make no sense are dropped and counted") {
  one_saga of;
  request in = of.asks(perform);
  in.key.tx.clear();
  of.receive("b", in);
  in = of.asks(perform);
  in.key.step.path = {};
  of.receive("b", in);
  of.receive("b", of.asks(perform));
  of.receive("b", of.asks(perform, commit_kind::two_phase));
  of.receive("b", of.asks(request_kind::confirm));
  CHECK(of.dropped(drop::malformed) == 4);
  of.receive("b", of.asks(forget));
  CHECK(of.dropped(drop::impossible) == 1);
  of.machine->receive(of.now, {{"shop", "b"}, {"other", "a"}, of.asks(perform)}, of.out);
  CHECK(of.dropped(drop::receiver) == 1);
}

TEST_CASE("a saga without a log refuses steps of two phases, and takes others") {
  options how;
  how.durable = false;
  one_saga of(how);
  of.receive("b", of.asks(perform, commit_kind::two_phase));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::error);
  CHECK(of.replied(perform)->value == reason("volatile"));
  CHECK(of.machine->entries() == 0);
  of.receive("b", of.asks(perform));
  CHECK(of.calls(callback::perform) == 1);
}

TEST_CASE("a step whose result is above the bound happened, so it is undone before it counts as failed") {
  options how;
  how.max_value = 10;
  one_saga of(how);
  auto kind = commit_kind::compensate;
  SUBCASE("compensate") {}
  SUBCASE("two phases") {
    kind = commit_kind::two_phase;
  }
  of.receive("b", of.asks(perform, kind));
  of.answer(callback::perform, {verdict::kind::ok, {std::string(11, 'x')}, {}});
  CHECK(of.replied(perform) == nullptr);
  REQUIRE(of.calls(callback::reverse) == 1);
  CHECK(of.out.calls[0].value == number(9));
  of.restart();
  REQUIRE(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::ok));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::error);
  CHECK(of.replied(perform)->value == reason("limit"));
  of.receive("b", of.asks(forget, kind));
  CHECK(of.disk.empty());
}

TEST_CASE(
    "a step whose result is above the bound is never done, wherever a crash ends the write of its undo") {
  options how;
  how.max_value = 10;
  auto kind = commit_kind::compensate;
  SUBCASE("compensate") {}
  SUBCASE("two phases") {
    kind = commit_kind::two_phase;
  }
  bool all_written = false;
  for (std::size_t kept = 0; !all_written; ++kept) {
    CAPTURE(kept);
    one_saga of(how);
    of.receive("b", of.asks(perform, kind));
    of.holds_writes = true;
    of.answer(callback::perform, {verdict::kind::ok, {std::string(11, 'x')}, {}});
    std::size_t changes = 0;
    for (coppice::saga::write& one : of.unwritten) {
      all_written = one.changes.size() <= kept;
      changes += one.changes.size();
      if (!all_written) one.changes.resize(kept);
    }
    REQUIRE(of.unwritten.size() == 1);
    CHECK(changes == 3);
    of.sync();
    of.holds_writes = false;
    of.restart();
    of.receive("b", of.asks(perform, kind));
    const reply* const told = of.replied(perform);
    CHECK((told == nullptr || told->what != answer_kind::ok));
  }
}

TEST_CASE(
    "a step that has ended asks a coordinator that is silent after its deadline, and is then forgotten") {
  for (const auto how_it_ended : {verdict::kind::ok, verdict::kind::error}) {
    for (const bool operator_decides : {false, true}) {
      CAPTURE(how_it_ended);
      CAPTURE(operator_decides);
      one_saga of;
      const auto asked = [&] {
        return std::any_of(of.out.messages.begin(), of.out.messages.end(),
                           [](const message& one) { return std::holds_alternative<question>(one.body); });
      };
      of.receive("b", of.asks(perform));
      of.answer(callback::perform, says(how_it_ended));
      of.pass(1000 * ms); // the time that was left
      CHECK_FALSE(asked());
      of.pass(of.machine->grace());
      CHECK(asked());
      of.pass(of.machine->grace());
      CHECK(asked());
      if (operator_decides) { // the coordinator does not come back
        CHECK(of.resolve(true) == 1);
      } else { // the coordinator does not know the transaction
        of.receive("b", of.asks(reverse, commit_kind::two_phase));
        CHECK(of.dropped(drop::malformed) == 0);
        of.receive("b", of.asks(forget, commit_kind::two_phase));
      }
      CHECK(of.machine->entries() == 0);
      CHECK(of.disk.empty());
    }
  }
}

TEST_CASE("a value above the bound is refused with an error, and never in the way of an undo") {
  options how;
  how.max_value = 10;
  one_saga of(how);
  request in = of.asks(perform);
  in.value = {std::string(11, 'x')};
  of.receive("b", in);
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->value == reason("limit"));
  CHECK(of.machine->entries() == 0);
  in.what = reverse;
  of.receive("b", in);
  CHECK(of.replied(reverse)->what == answer_kind::ok);
  of.receive("b", of.asks(perform, commit_kind::compensate, 2));
  of.answer(callback::perform, says(verdict::kind::ok));
  in.key = of.key(2);
  of.receive("b", in);
  CHECK(of.calls(callback::reverse) == 1);
}

TEST_CASE("keys that were undone before they came take a bounded number of bytes") {
  options how;
  how.keep_bytes = 1000;
  how.hops = 2;
  one_saga of(how);
  const auto comes_late = [&](std::uint32_t step) {
    of.receive("b", of.asks(perform, commit_kind::compensate, step));
    return of.out.calls.empty();
  };
  for (std::uint32_t step = 1; step <= 20; ++step)
    of.receive("b", of.asks(reverse, commit_kind::compensate, step));
  CHECK(comes_late(20));
  CHECK_FALSE(comes_late(1));
  // A path that is refused for its length takes no room, and displaces nothing.
  for (std::uint32_t step = 1; step <= 20; ++step) {
    request deep = of.asks(reverse, commit_kind::compensate, step);
    deep.key.step.path = {{{"x", "x"}, 1}, {{"x", "y"}, 1}, {{"shop", "b"}, step}};
    of.receive("b", deep);
  }
  CHECK(comes_late(20));
}

TEST_CASE("keys that a node has forgotten in masses push out none of another node's") {
  options how;
  how.keep_count = 8;
  one_saga of(how);
  const auto undone = [&of](const std::string& node, std::uint32_t step) {
    request in = asked_by(node, step);
    in.what = reverse;
    of.receive(node, in);
  };
  const auto is_too_late = [&of](const std::string& node, std::uint32_t step) {
    of.receive(node, asked_by(node, step));
    return of.out.calls.empty();
  };
  undone("c", 1);
  undone("c", 2);
  for (std::uint32_t step = 1; step <= 20; ++step) undone("b", step);
  for (std::uint32_t step = 1; step <= 2; ++step) CHECK(is_too_late("c", step));
  for (std::uint32_t step = 15; step <= 20; ++step) CHECK(is_too_late("b", step));
  CHECK_FALSE(is_too_late("b", 14));
  of.pass(of.how.keep);
  CHECK_FALSE(is_too_late("c", 1));
  CHECK_FALSE(is_too_late("b", 20));
}

TEST_CASE("who asks about a transaction that is not known gets an abort whose answer nobody awaits") {
  one_saga of;
  step_key key = of.key();
  key.step.path = {{of.how.self, 1}};
  of.receive("c", question{key});
  const message told = of.only_request(reverse);
  CHECK(told.to.node() == "c");
  CHECK_FALSE(told.awaits_answer);
}

TEST_CASE("a key is known from its first request until it is forgotten") {
  one_saga of;
  CHECK_FALSE(of.machine->knows(of.key()));
  of.receive("b", of.asks(perform));
  CHECK(of.machine->knows(of.key()));
  of.answer(callback::perform, says(verdict::kind::ok));
  of.restart();
  CHECK(of.machine->knows(of.key()));
  of.receive("b", of.asks(forget));
  CHECK_FALSE(of.machine->knows(of.key()));
}

TEST_CASE("a step that ends the actor is busy for a while, and undone after some times") {
  one_saga of;
  of.receive("b", of.asks(perform));
  const auto ends = [&](callback what) {
    const std::uint64_t token = of.called(what)->token;
    of.out.clear();
    of.machine->actor_ended(of.now, token, of.out);
    of.note();
    of.restart();
    of.receive("b", of.asks(perform));
  };
  for (std::uint32_t i = 1; i < most_ends; ++i) {
    ends(callback::perform);
    REQUIRE(of.replied(perform) != nullptr);
    CHECK(of.replied(perform)->what == answer_kind::busy);
    CHECK(of.out.calls.empty());
    of.pass(of.how.step_timeout);
    of.receive("b", of.asks(perform));
    REQUIRE(of.calls(callback::perform) == 1);
  }
  ends(callback::perform);
  CHECK(of.out.calls.empty());
  // The undo is delayed, too, and is never given up.
  of.pass(of.how.step_timeout);
  REQUIRE(of.calls(callback::reverse) == 1);
  ends(callback::reverse);
  CHECK(of.out.calls.empty());
  of.pass(of.how.step_timeout);
  REQUIRE(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::ok));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::error);
  CHECK(of.replied(perform)->value == reason("exit"));
}
