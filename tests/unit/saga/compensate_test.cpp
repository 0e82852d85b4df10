// SPDX-License-Identifier: MIT
// Tests of a coordinator whose steps are undone when the transaction fails: steps in sequence and side by
// side, failures, undo, cancel, lifespan, outcomes.
#include "one_saga.hpp"

using namespace coppice::saga;
using namespace coppice::saga::test;

namespace {

// A transaction of two steps in a row: the first is done, and the second has been requested.
struct second_asked : one_saga {
  second_asked() {
    begin();
    answer(callback::start, steps({to("b", 1), to("c", 2)}));
    first = only_request(request_kind::perform);
    reply_to(first, answer_kind::ok, 5);
    answer(callback::result, steps({}));
    second = only_request(request_kind::perform);
  }
  message first, second;
};

} // namespace

TEST_CASE("a transaction is started once it is on the disk, and the same id starts nothing more") {
  one_saga of;
  of.holds_writes = true;
  of.begin();
  CHECK(of.out.answers.empty());
  CHECK(of.out.calls.empty());
  of.sync();
  REQUIRE(of.out.answers.size() == 1);
  CHECK(of.out.answers[0].what == client_answer::started);
  CHECK(of.out.calls.size() == 1);
  of.begin();
  CHECK(of.out.answers[0].what == client_answer::started);
  CHECK(of.out.calls.empty());
  of.begin("t", 1, "elsewhere");
  CHECK(of.out.answers[0].what == client_answer::refused);
  CHECK(of.machine->open() == 1);
}

TEST_CASE("a transaction is shown with its steps: the answers that came, and what is pending") {
  second_asked of;
  const auto seen = of.machine->units_of("t", 10, 10);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].open.state == "running");
  CHECK(seen[0].from == "a");
  CHECK(seen[0].attempt == 0);
  REQUIRE(seen[0].steps.size() >= 2);
  const shown_step& first = seen[0].steps[0];
  CHECK(first.number == 1);
  CHECK(first.state == "done");
  CHECK(first.pending.empty());
  const shown_step& second = seen[0].steps[1];
  CHECK(second.state == "asked");
  CHECK(second.to == address{"stock", "c"});
  CHECK(second.pending == "do");
  CHECK(second.attempts == 1);
  CHECK(second.answer.encoded.empty());
  CHECK(of.machine->units_of("t", 10, 1)[0].steps.size() == 1);
  CHECK(of.machine->units_of("t", 0, 10).empty());
  CHECK(of.machine->units_of("other", 10, 10).empty());
  of.reply_to(of.second, answer_kind::ok, 7);
  CHECK(of.machine->units_of("t", 10, 10)[0].steps[1].answer == number(7));
}

TEST_CASE("what is open is shown with its state and for whom it waits, and what is over is not") {
  second_asked of;
  const auto seen = of.machine->open_units(10);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].tx == "t");
  CHECK(seen[0].depth == 0);
  CHECK(seen[0].state == "running");
  CHECK(seen[0].left > 0);
  CHECK_FALSE(seen[0].parked);
  CHECK(seen[0].waits == std::vector<address>{{"stock", "c"}});
  CHECK(of.machine->open_units(0).empty());
  of.reply_to(of.second, answer_kind::error, 6);
  of.answer(callback::failed, says(verdict::kind::cancel));
  const auto undone = of.machine->open_units(10);
  REQUIRE(undone.size() == 1);
  CHECK(undone[0].state == "undoing");
  CHECK(undone[0].left == 0);
  CHECK(undone[0].waits == std::vector<address>{{"stock", "b"}});
}

TEST_CASE("one other node has at most three quarters of the transactions, this node may have all of them") {
  options how;
  how.max_transactions = 4;
  one_saga of(how);
  const auto begins = [&of](const std::string& tx, const std::string& origin) {
    of.begin(tx, 1, origin);
    return of.out.answers[0].what == client_answer::started;
  };
  for (const char* const tx : {"b1", "b2", "b3"}) CHECK(begins(tx, "b"));
  CHECK_FALSE(begins("b4", "b"));
  CHECK(of.out.answers[0].what == client_answer::overloaded);
  CHECK(of.machine->counted().over_share == 1);
  CHECK(begins("c1", "c"));
  CHECK_FALSE(begins("c2", "c")); // the table is full now
  CHECK(of.machine->counted().over_share == 1);
  CHECK(of.machine->counted().refused == 2);
  one_saga own(how);
  for (const char* const tx : {"a1", "a2", "a3", "a4"}) {
    own.begin(tx, 1, "a");
    CHECK(own.out.answers[0].what == client_answer::started);
  }
}

TEST_CASE("above max_transactions a start is refused at once") {
  options how;
  how.max_transactions = 1;
  one_saga of(how);
  of.begin("one");
  of.begin("two");
  CHECK(of.out.answers[0].what == client_answer::overloaded);
  CHECK(of.machine->outcome_of("two").what == outcome_kind::unknown);
  CHECK(of.machine->counted().refused == 1);
}

TEST_CASE(
    "steps in a row: each begins when the one before it is done, and the last result is the final value") {
  second_asked of;
  CHECK(of.first.to == address{"stock", "b"});
  CHECK(of.second.to == address{"stock", "c"});
  of.reply_to(of.second, answer_kind::ok, 6);
  of.answer(callback::result, steps({}));
  CHECK(of.told(notice::kind::committed));
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::committed, number(6)});
  const auto forgets = of.requests(request_kind::forget);
  REQUIRE(forgets.size() == 2);
  for (const message& one : forgets) of.reply_to(one);
  CHECK(of.machine->open() == 0);
  CHECK(of.disk.size() == 1);
  CHECK(of.machine->outcome_of("t").what == outcome_kind::committed);
  of.pass(of.how.keep);
  CHECK(of.machine->outcome_of("t").what == outcome_kind::unknown);
  CHECK(of.disk.empty());
}

TEST_CASE("steps side by side are asked for together, and what comes behind them waits for both") {
  one_saga of;
  of.begin();
  of.answer(callback::start, steps({to("b", 1), to("c", 2, true), to("d", 3)}));
  const auto both = of.requests(request_kind::perform);
  REQUIRE(both.size() == 2);
  of.reply_to(both[1]);
  of.answer(callback::result, steps({}));
  CHECK(of.requests(request_kind::perform).empty());
  of.reply_to(both[0]);
  of.answer(callback::result, steps({}));
  CHECK(of.only_request(request_kind::perform).to.node() == "d");
}

TEST_CASE("a result brings further steps, and done leaves out what is planned") {
  one_saga of;
  of.begin();
  of.answer(callback::start, steps({to("b", 1)}));
  of.reply_to(of.only_request(request_kind::perform));
  of.answer(callback::result, steps({to("c", 2), to("d", 3)}));
  const message further = of.only_request(request_kind::perform);
  CHECK(further.to.node() == "c");
  of.reply_to(further);
  of.answer(callback::result, says(verdict::kind::done, 7));
  CHECK(of.requests(request_kind::perform).empty());
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::committed, number(7)});
}

TEST_CASE("after done a failed step of the same group is still tried again, or replaced, before the commit") {
  one_saga of;
  of.begin();
  of.answer(callback::start, steps({to("b", 1), to("c", 2, true), to("d", 3)}));
  const auto both = of.requests(request_kind::perform);
  REQUIRE(both.size() == 2);
  bool fails_first = false;
  SUBCASE("done comes first") {}
  SUBCASE("the failure comes first") {
    fails_first = true;
  }
  const auto fails = [&] {
    of.reply_to(both[1], answer_kind::error);
    of.answer(callback::failed, says(verdict::kind::retry));
  };
  if (fails_first) fails();
  of.reply_to(both[0]);
  of.answer(callback::result, says(verdict::kind::done, 7));
  if (!fails_first) fails();
  CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
  of.pass(2 * of.how.retry_first);
  const message again = of.only_request(request_kind::perform);
  CHECK(again.to.node() == "c");
  of.reply_to(again, answer_kind::error);
  of.answer(callback::failed, steps({to("e", 4)}));
  const message other = of.only_request(request_kind::perform);
  CHECK(other.to.node() == "e");
  of.restart();
  of.reply_to(other);
  of.answer(callback::result, steps({}));
  CHECK(of.requests(request_kind::perform).empty()); // d is in a later group
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::committed, number(7)});
}

TEST_CASE("steps are undone in the reverse order in which they were done, one after the other") {
  second_asked of;
  of.reply_to(of.second);
  of.answer(callback::result, says(verdict::kind::cancel, 3));
  const message last = of.only_request(request_kind::reverse);
  CHECK(last.to.node() == "c");
  CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
  of.reply_to(last);
  const message before = of.only_request(request_kind::reverse);
  CHECK(before.to.node() == "b");
  CHECK(std::get<request>(before.body).value == number(1));
  of.reply_to(before);
  CHECK(of.told(notice::kind::compensated));
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::compensated, number(3)});
  CHECK(of.requests(request_kind::forget).size() == 2);
}

TEST_CASE(
    "that all is undone is told once it is on the disk, and a restart neither takes it back nor undoes "
    "again") {
  second_asked of;
  of.cancel();
  of.reply_to(of.only_request(request_kind::reverse));
  const message last = of.only_request(request_kind::reverse);
  of.holds_writes = true;
  of.reply_to(last);
  CHECK_FALSE(of.told(notice::kind::compensated));
  CHECK(of.requests(request_kind::forget).empty());
  CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
  of.sync();
  of.holds_writes = false;
  CHECK(of.told(notice::kind::compensated));
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::compensated, number(1)});
  of.restart();
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::compensated, number(1)});
  CHECK(of.requests(request_kind::reverse).empty());
  const auto forgets = of.requests(request_kind::forget);
  REQUIRE(forgets.size() == 2);
  for (const message& one : forgets) of.reply_to(one);
  CHECK(of.machine->open() == 0);
  CHECK(of.disk.size() == 1);
}

TEST_CASE("no step is undone before the decision is on the disk") {
  second_asked of;
  of.holds_writes = true;
  of.cancel();
  CHECK(of.requests(request_kind::reverse).empty());
}

TEST_CASE("a step that failed is not undone, one without an answer is") {
  SUBCASE("failed") {
    second_asked of;
    of.reply_to(of.second, answer_kind::error, 4);
    CHECK(of.called(callback::failed)->value == number(4));
    of.answer(callback::failed, says(verdict::kind::cancel));
    CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  }
  SUBCASE("no answer") {
    second_asked of;
    of.pass(of.how.lifespan);
    CHECK(of.only_request(request_kind::reverse).to.node() == "c");
    of.reply_to(of.only_request(request_kind::reverse));
    CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  }
}

TEST_CASE("a failed step is tried again under another key and later, or replaced in its place") {
  second_asked of;
  of.reply_to(of.second, answer_kind::error);
  SUBCASE("retry") {
    of.answer(callback::failed, says(verdict::kind::retry));
    CHECK(of.requests(request_kind::perform).empty());
    of.pass(of.how.retry_first);
    const message again = of.only_request(request_kind::perform);
    CHECK(again.to.node() == "c");
    CHECK(std::get<request>(again.body).key != std::get<request>(of.second.body).key);
    of.reply_to(again, answer_kind::error);
    of.answer(callback::failed, says(verdict::kind::retry));
    of.pass(of.how.retry_first);
    CHECK(of.requests(request_kind::perform).empty());
    of.pass(of.how.retry_first);
    CHECK(of.requests(request_kind::perform).size() == 1);
  }
  SUBCASE("replace") {
    of.answer(callback::failed, steps({to("d", 2)}));
    CHECK(of.only_request(request_kind::perform).to.node() == "d");
  }
}

TEST_CASE("what nobody answers is asked again, busy after the retry's delay, and a late answer counts once") {
  second_asked of;
  of.reply_to(of.second, answer_kind::busy);
  of.pass(of.how.retry_first);
  CHECK(of.requests(request_kind::perform).size() == 1);
  of.pass(of.how.step_timeout);
  CHECK(of.requests(request_kind::perform).size() == 1);
  of.reply_to(of.second);
  CHECK(of.calls(callback::result) == 1);
  of.reply_to(of.second);
  CHECK(of.out.calls.empty());
  CHECK(of.dropped(drop::stale) == 1);
}

TEST_CASE("answers count from the node that was asked, and a cancel from the node that started") {
  second_asked of;
  const step_key key = std::get<request>(of.second.body).key;
  of.receive("elsewhere", reply{request_kind::perform, answer_kind::ok, key, {}});
  CHECK(of.out.calls.empty());
  of.receive("elsewhere", interim_message{key, {}});
  CHECK(of.out.calls.empty());
  CHECK(of.dropped(drop::origin) == 2);
  of.cancel("b");
  CHECK(of.out.answers.at(0).what == client_answer::refused);
  of.cancel("a", "other");
  CHECK(of.out.answers.at(0).what == client_answer::unknown);
}

TEST_CASE("an interim value reaches the actor and subscribers until the transaction is decided") {
  second_asked of;
  const step_key key = std::get<request>(of.second.body).key;
  of.receive("c", interim_message{key, number(8)});
  CHECK(of.calls(callback::interim) == 1);
  CHECK(of.told(notice::kind::interim));
  of.cancel();
  of.receive("c", interim_message{key, number(8)});
  CHECK(of.out.calls.empty());
  CHECK(!of.told(notice::kind::interim));
}

TEST_CASE("a restart asks the actor nothing that it has answered, and goes on from there") {
  second_asked of;
  of.seen.clear();
  of.restart();
  CHECK(of.seen.empty());
  const message again = of.only_request(request_kind::perform);
  CHECK(again.body == of.second.body);
  of.reply_to(again, answer_kind::ok, 6);
  of.answer(callback::result, steps({to("d", 3)}));
  of.restart();
  CHECK(of.only_request(request_kind::perform).to.node() == "d");
  of.pass(of.how.lifespan);
  of.restart();
  std::vector<std::string> undone;
  for (int i = 0; i < 2; ++i) {
    const message next = of.only_request(request_kind::reverse);
    undone.push_back(next.to.node());
    of.reply_to(next);
  }
  CHECK(undone == std::vector<std::string>{"d", "c"});
  CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  of.restart(); // nothing of the undo is kept before all steps are undone
  CHECK(of.only_request(request_kind::reverse).to.node() == "d");
}

TEST_CASE("keys stay the same where the options change at a restart") {
  second_asked of;
  of.how.hops = 2;
  of.how.commit = commit_kind::two_phase;
  of.restart();
  CHECK(of.only_request(request_kind::perform).body == of.second.body);
}

TEST_CASE("the deadline does not move at a restart") {
  second_asked of;
  of.pass(of.how.step_timeout);
  of.restart();
  CHECK(std::get<request>(of.only_request(request_kind::perform).body).left_ms == 50'000);
}

TEST_CASE("a step that cannot be undone parks its transaction until an operator takes it for undone") {
  second_asked of;
  of.pass(of.how.lifespan);
  of.reply_to(of.only_request(request_kind::reverse), answer_kind::error, 2);
  CHECK(of.told(notice::kind::parked));
  CHECK(of.machine->parked() == 1);
  const auto parked = of.machine->open_units(10, wanted_units::parked);
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].tx == "t");
  of.begin("other");
  CHECK(of.machine->open_units(10).size() == 2);
  CHECK(of.machine->open_units(10, wanted_units::parked).size() == 1);
  CHECK(of.machine->open_units(10, wanted_units::in_doubt).empty());
  CHECK(of.calls(callback::start) == 1);
  CHECK(of.resolve(true) == 0);
  CHECK(of.resolve(false) == 1);
  CHECK(of.machine->parked() == 0);
  CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  of.restart();
  CHECK(of.only_request(request_kind::reverse).to.node() == "b");
}

TEST_CASE("a plan with too many steps, and a value that is too long, cancel the transaction") {
  options how;
  how.max_steps = 2;
  how.max_value = 2;
  one_saga of(how);
  of.begin();
  SUBCASE("steps") {
    of.answer(callback::start, steps({to("b", 1), to("b", 2), to("b", 3)}));
  }
  SUBCASE("value") {
    of.answer(callback::start, {verdict::kind::done, {"long"}, {}});
  }
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::compensated, reason("limit")});
  CHECK(of.machine->counted().compensated == 1);
}

TEST_CASE("a transaction may have as many steps as its bound says, with those that are tried again") {
  options how;
  how.max_steps = 3;
  one_saga of(how);
  of.begin();
  of.answer(callback::start, steps({to("b", 1), to("b", 2)}));
  of.reply_to(of.only_request(request_kind::perform), answer_kind::error);
  of.answer(callback::failed, says(verdict::kind::retry));
  of.pass(100 * ms);
  of.reply_to(of.only_request(request_kind::perform));
  SUBCASE("the last one is done, and nothing is added") {
    of.answer(callback::result, says(verdict::kind::ok));
    of.reply_to(of.only_request(request_kind::perform));
    of.answer(callback::result, says(verdict::kind::ok));
    CHECK(of.machine->outcome_of("t").what == outcome_kind::committed);
  }
  SUBCASE("one more is too many") {
    of.answer(callback::result, steps({to("b", 3)}));
    CHECK(of.only_request(request_kind::reverse).to.node() == "b");
    CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
  }
  SUBCASE("so is one that is tried again") {
    of.answer(callback::result, says(verdict::kind::ok));
    of.reply_to(of.only_request(request_kind::perform), answer_kind::error);
    of.answer(callback::failed, says(verdict::kind::retry));
    CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  }
}

TEST_CASE("what is open after a restart goes on in portions, each part of it once") {
  options how;
  how.longest_write = 1000;
  one_saga of(how);
  const auto in_portions = [&](const auto& count) {
    std::size_t all = 0;
    for (std::size_t some = count();; some = count()) {
      CHECK(some < 20);
      all += some;
      if (of.machine->wake() > of.now) return all;
      of.pass(0);
    }
  };
  for (int i = 0; i < 50; ++i) of.begin("t" + std::to_string(i));
  SUBCASE("actors that are asked for the first steps") {
    of.restart();
    CHECK(in_portions([&] { return of.calls(callback::start); }) == 50);
  }
  SUBCASE("steps that are asked for") {
    const std::vector<call> starts = of.seen;
    for (const call& one : starts) of.answer(one, steps({to("b", 1)}));
    of.restart();
    CHECK(in_portions([&] { return of.requests(request_kind::perform).size(); }) == 50);
    CHECK(of.machine->counted().asked_again == 0);
    of.pass(of.how.step_timeout);
    CHECK(in_portions([&] { return of.requests(request_kind::perform).size(); }) == 50);
    CHECK(of.machine->counted().asked_again == 50);
  }
}

TEST_CASE("what falls due at one time is written in portions, and the rest stays due") {
  options how;
  how.longest_write = 1000;
  how.max_value = 4000;
  one_saga of(how);
  const auto in_portions = [&] {
    std::size_t calls = 0;
    for (; of.machine->wake() <= of.now; ++calls) {
      of.out.clear();
      of.machine->advance(of.now, of.out);
      std::size_t bytes = 0;
      for (const auto& one : of.out.writes) {
        std::size_t sum = 0;
        for (const change& each : one.changes) sum += weight(each.what);
        CHECK((sum <= how.longest_write || one.changes.size() == 1));
        bytes += sum;
      }
      CHECK(bytes <= 3 * how.longest_write);
      of.note();
    }
    return calls;
  };
  SUBCASE("outcomes that expire") {
    for (int i = 0; i < 100; ++i) {
      of.begin("t" + std::to_string(i));
      of.answer(callback::start, says(verdict::kind::done));
    }
    of.now += of.how.keep;
    CHECK(in_portions() > 5);
    CHECK(of.disk.empty());
  }
  SUBCASE("transactions whose lifespan passed while the node was down") {
    for (int i = 0; i < 100; ++i) of.begin("t" + std::to_string(i));
    of.seen.clear();
    of.now += of.how.lifespan;
    of.restart();
    CHECK(of.seen.empty());
    CHECK(in_portions() > 5);
    CHECK(of.machine->open() == 0);
    CHECK(of.machine->counted().compensated == 100);
  }
  SUBCASE("a transaction with many plans that ends") {
    of.begin();
    of.answer(callback::start, steps({to("b", 1)}));
    for (std::uint8_t i = 0; i < 50; ++i) {
      of.reply_to(of.only_request(request_kind::perform));
      of.answer(callback::result,
                steps(i < 49 ? std::vector<step_spec>{to("b", i)} : std::vector<step_spec>{}));
    }
    std::vector<message> forgets = of.requests(request_kind::forget);
    while (of.machine->wake() <= of.now) {
      of.pass(0);
      for (const message& one : of.requests(request_kind::forget)) forgets.push_back(one);
    }
    REQUIRE(forgets.size() == 50);
    of.holds_writes = true;
    for (const message& one : forgets) of.reply_to(one);
    CHECK(of.unwritten.size() > 5);
    CHECK(of.machine->open() == 0);
    of.sync();
    CHECK(of.disk.size() == 1);
  }
}

TEST_CASE("an outcome and a cancel are told once their decision is on the disk") {
  one_saga of;
  of.begin();
  of.holds_writes = true;
  SUBCASE("done at the start, and ended in the same write") {
    of.answer(callback::start, says(verdict::kind::done, 5));
    CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
    of.sync();
    CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::committed, number(5)});
  }
  SUBCASE("cancelled") {
    of.cancel();
    CHECK(of.out.answers.empty());
    CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
    of.cancel();
    CHECK(of.out.answers.empty());
    of.sync();
    REQUIRE(of.out.answers.size() == 2);
    CHECK(of.out.answers[0].what == client_answer::cancelled);
    CHECK(of.out.answers[1].what == client_answer::over);
    CHECK(of.machine->outcome_of("t").what == outcome_kind::compensated);
  }
}

TEST_CASE("a start from a node whose name no record takes is refused") {
  for (const std::string& origin : {std::string(), std::string(longest_name + 1, 'n')}) {
    one_saga of;
    of.begin("t", 1, origin);
    CHECK(of.out.answers.at(0).what == client_answer::invalid);
    CHECK(of.machine->open() == 0);
    CHECK(of.disk.empty());
  }
}

TEST_CASE(
    "a result above the bound undoes the transaction with its step, and a long reason never parks in vain") {
  options how;
  how.max_value = 10;
  one_saga of(how);
  of.begin();
  of.answer(callback::start, steps({to("b", 1)}));
  const request asked = std::get<request>(of.only_request(request_kind::perform).body);
  const term large{std::string(11, 'x')};
  of.receive("b", reply{request_kind::perform, answer_kind::ok, asked.key, large});
  CHECK(of.called(callback::result) == nullptr);
  CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  of.receive("b", reply{request_kind::reverse, answer_kind::error, asked.key, large});
  CHECK(of.told(notice::kind::parked));
  CHECK(of.machine->parked() == 1);
}

TEST_CASE("a node that ends very many transactions pushes out none of another node's outcomes") {
  options how;
  how.keep_count = 8;
  one_saga of(how);
  const auto ends = [&of](const std::string& tx, const std::string& origin) {
    of.begin(tx, 1, origin);
    of.answer(callback::start, says(verdict::kind::done));
    of.pass(0);
  };
  ends("c1", "c");
  ends("c2", "c");
  for (int i = 0; i < 20; ++i) ends("b" + std::to_string(i), "b");
  for (const bool again : {false, true}) {
    CAPTURE(again);
    if (again) of.restart();
    for (const char* const kept : {"c1", "c2", "b14", "b19"})
      CHECK(of.machine->outcome_of(kept).what == outcome_kind::committed);
    CHECK(of.machine->outcome_of("b13").what == outcome_kind::unknown);
  }
  of.pass(of.how.keep);
  CHECK(of.machine->outcome_of("c1").what == outcome_kind::unknown);
  CHECK(of.machine->outcome_of("b19").what == outcome_kind::unknown);
  CHECK(of.disk.empty());
}

TEST_CASE("outcomes are kept up to a number of bytes") {
  options how;
  how.keep_bytes = 1000;
  one_saga of(how);
  for (int i = 0; i < 20; ++i) {
    of.begin("t" + std::to_string(i));
    of.answer(callback::start, says(verdict::kind::done));
    of.pass(0);
  }
  CHECK(of.machine->outcome_of("t0").what == outcome_kind::unknown);
  CHECK(of.machine->outcome_of("t19").what == outcome_kind::committed);
  CHECK(of.disk.size() < 10);
  of.restart();
  CHECK(of.disk.size() < 10);
  CHECK(of.machine->outcome_of("t19").what == outcome_kind::committed);
}

TEST_CASE("what waits for the disk is counted in bytes, and is nothing once it is there") {
  one_saga of;
  of.holds_writes = true;
  of.begin();
  const std::size_t one = of.machine->unwritten();
  CHECK(one > 0);
  for (int i = 0; i < 10; ++i) of.begin();
  CHECK(of.machine->unwritten() > one);
  of.sync();
  CHECK(of.machine->unwritten() == 0);
}

TEST_CASE("an answer with a token of an earlier life is ignored") {
  options how;
  how.first_token = 1000;
  one_saga of(how);
  of.begin();
  CHECK(of.called(callback::start)->token == 1000);
  call early = *of.called(callback::start);
  early.token = 1;
  of.answer(early, says(verdict::kind::done));
  CHECK(of.machine->open() == 1);
}

TEST_CASE(
    "a clock that was ahead does not keep a transaction or an outcome open for longer than the options") {
  one_saga of;
  of.begin("ended");
  of.answer(callback::start, says(verdict::kind::done));
  of.begin();
  of.now = 0;
  of.restart();
  of.pass(of.how.lifespan);
  CHECK(of.machine->outcome_of("t").what == outcome_kind::compensated);
  of.pass(of.how.keep);
  CHECK(of.disk.empty());
}

namespace {

// The actor ends by the last call of this kind, and the saga starts again.
void ends_by(one_saga& of, callback what) {
  REQUIRE(of.called(what) != nullptr);
  const std::uint64_t token = of.called(what)->token;
  of.out.clear();
  of.machine->actor_ended(of.now, token, of.out);
  of.note();
  of.seen.clear();
  of.restart();
}

} // namespace

TEST_CASE("a start that ends the actor is repeated later, and given up after some times") {
  one_saga of;
  of.begin();
  for (std::uint32_t i = 1; i < most_ends; ++i) {
    ends_by(of, callback::start);
    CHECK(of.called(callback::start) == nullptr);
    of.pass(of.how.step_timeout - 1);
    CHECK(of.called(callback::start) == nullptr);
    of.pass(1);
    CHECK(of.calls(callback::start) == 1);
  }
  ends_by(of, callback::start);
  CHECK(of.called(callback::start) == nullptr);
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::compensated, reason("exit")});
}

TEST_CASE("a result that ends the actor is asked for again later, and its step is undone in the end") {
  one_saga of;
  of.begin();
  of.answer(callback::start, steps({to("b", 1)}));
  of.reply_to(of.only_request(request_kind::perform));
  for (std::uint32_t i = 1; i < most_ends; ++i) {
    ends_by(of, callback::result);
    CHECK(of.requests(request_kind::perform).empty());
    of.pass(of.how.step_timeout);
    of.reply_to(of.only_request(request_kind::perform));
  }
  ends_by(of, callback::result);
  CHECK(of.only_request(request_kind::reverse).to.node() == "b");
}

TEST_CASE("an actor that dies with its node makes nothing wait, and one that is over asks no actor") {
  one_saga of;
  of.begin();
  of.restart();
  CHECK(of.calls(callback::start) == 1);
  of.now += of.how.lifespan;
  of.seen.clear();
  of.restart();
  of.pass(0);
  CHECK(of.seen.empty());
  CHECK(of.machine->outcome_of("t").what == outcome_kind::compensated);
}

TEST_CASE("a saga under another name or node does not start while something is open, and says what") {
  one_saga of;
  of.begin();
  const auto start_as = [&](address self) {
    options how = of.how;
    how.self = std::move(self);
    std::vector<kept_record> kept;
    for (const auto& [key, what] : of.disk) kept.push_back({key, what});
    effects out;
    const auto made = core::start(how, std::move(kept), of.now, out);
    return made ? std::string() : made.error().text;
  };
  CHECK(start_as(of.how.self).empty());
  CHECK(start_as({"orders", "z"}).find("the transaction t is open under the name orders at a") !=
        std::string::npos);
  CHECK_FALSE(start_as({"other", "a"}).empty());
  of.answer(callback::start, says(verdict::kind::done));
  CHECK(start_as({"orders", "z"}).empty());
  of.receive("b", request{request_kind::perform, commit_kind::compensate, of.key(), number(1), 1000});
  CHECK_FALSE(start_as({"orders", "z"}).empty());
}

TEST_CASE("a delay that is far too long is taken as a year") {
  one_saga of;
  of.begin();
  step_spec slow = to("b", 1);
  slow.retry_first = std::numeric_limits<coppice::base::nanos>::max() / 2 + 1;
  slow.retry_max = std::numeric_limits<coppice::base::nanos>::max();
  of.answer(callback::start, steps({slow}));
  of.reply_to(of.only_request(request_kind::perform), answer_kind::busy);
  CHECK(of.machine->wake() <= of.now + of.how.lifespan);
  of.pass(of.how.lifespan);
  CHECK(of.only_request(request_kind::reverse).to.node() == "b");
  for (int i = 0; i < 3; ++i)
    of.reply_to(of.only_request(request_kind::reverse), answer_kind::busy), of.pass(longest_delay);
}

TEST_CASE(
    "what ends and is not carried out is overdue, and an operator takes a silent participant for gone") {
  second_asked of;
  of.pass(of.how.lifespan);
  const message asked = of.only_request(request_kind::reverse); // the second step, which is never answered
  CHECK(of.machine->first_ending() == of.now);
  CHECK(of.resolve(false) == 0);
  CHECK(of.out.answers[0].what == client_answer::over);
  of.pass(of.machine->grace());
  CHECK(of.machine->open_units(10, wanted_units::overdue).empty());
  of.now += 1;
  of.machine->note_time(of.now); // there was no event since then
  CHECK(of.machine->open_units(10, wanted_units::overdue).size() == 1);
  CHECK(of.resolve(true) == 0);
  SUBCASE("at once") {}
  SUBCASE("over a restart") {
    of.restart();
    CHECK(of.machine->open_units(10, wanted_units::overdue).size() == 1);
    CHECK(of.resolve(false) == 0); // the participant was asked a moment ago
    of.pass(of.machine->grace() + 1);
  }
  CHECK(of.resolve(false) == 1);
  const message first = of.only_request(request_kind::reverse);
  CHECK(first.to.node() == "b");
  of.reply_to(asked); // the answer is late
  CHECK(of.dropped(drop::stale) == 1);
  of.restart();
  of.reply_to(of.only_request(request_kind::reverse));
  CHECK(of.machine->outcome_of("t").what == outcome_kind::compensated);
  const message forgets = of.only_request(request_kind::forget); // of the first step only
  CHECK(forgets.to.node() == "b");
  CHECK(of.resolve(false) == 0);
  of.pass(of.machine->grace() + 1); // the first step's participant does not answer any more either
  CHECK(of.resolve(false) == 1);
  CHECK(of.machine->open() == 0);
  CHECK(of.machine->first_ending() == coppice::saga::never);
  CHECK(of.disk.size() == 1); // the record of the outcome
}
