// SPDX-License-Identifier: MIT
// Tests of two phases: a prepared participant waits for the coordinator's decision, and the coordinator
// forgets a transaction once all participants have acknowledged the decision.
#include "one_saga.hpp"

using namespace coppice::saga;
using namespace coppice::saga::test;

namespace {

constexpr auto two_phase = commit_kind::two_phase;
constexpr auto perform = request_kind::perform, reverse = request_kind::reverse,
               confirm = request_kind::confirm, forget = request_kind::forget;

options both_phases() {
  options how;
  how.commit = two_phase;
  return how;
}

struct both_asked : one_saga {
  both_asked() : one_saga(both_phases()) {
    begin();
    answer(callback::start, steps({to("b", 1), to("c", 2, true)}));
    asked = requests(perform);
    REQUIRE(asked.size() == 2);
  }
  void prepare(std::size_t which) {
    reply_to(asked[which]);
    answer(callback::result, steps({}));
  }
  std::vector<message> asked;
};

struct prepared : one_saga {
  prepared() : one_saga(both_phases()) {
    receive("b", asks(perform, two_phase));
    CHECK(out.calls[0].kind == two_phase);
    answer(callback::perform, says(verdict::kind::ok));
    CHECK(replied(perform)->what == answer_kind::ok);
  }
};

} // namespace

TEST_CASE("the decision is told once it is on the disk, repeated until all know it, and forgotten last") {
  both_asked of;
  of.prepare(0);
  of.reply_to(of.asked[1]);
  of.holds_writes = true;
  of.answer(callback::result, says(verdict::kind::done, 7));
  CHECK(of.requests(confirm).empty());
  CHECK(!of.told(notice::kind::committed));
  CHECK(of.machine->outcome_of("t").what == outcome_kind::open);
  of.sync();
  of.holds_writes = false;
  CHECK(of.told(notice::kind::committed));
  const auto told = of.requests(confirm);
  REQUIRE(told.size() == 2);
  CHECK(std::get<request>(told[0].body).value == number(7));
  of.reply_to(told[0]);
  CHECK(of.requests(forget).empty());
  of.pass(of.how.step_timeout);
  CHECK(of.only_request(confirm).to == told[1].to);
  of.reply_to(told[1]);
  CHECK(of.requests(forget).size() == 2);
  for (const message& one : of.requests(forget)) of.reply_to(one);
  CHECK(of.machine->open() == 0);
}

TEST_CASE("lifespan ends before the decision only") {
  both_asked of;
  of.prepare(0);
  SUBCASE("undecided") {
    of.pass(of.how.lifespan);
    CHECK(of.requests(reverse).size() == 2);
    for (const message& one : of.requests(reverse)) of.reply_to(one);
    CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::aborted, reason("lifespan")});
  }
  SUBCASE("decided") {
    of.prepare(1);
    of.pass(2 * of.how.lifespan);
    CHECK(of.requests(reverse).empty());
    CHECK(of.requests(confirm).size() == 2);
  }
}

TEST_CASE("a question is answered with what was decided, and with abort where nothing is known") {
  both_asked of;
  const step_key key = std::get<request>(of.asked[0].body).key;
  of.prepare(0);
  of.receive("b", question{key});
  CHECK(of.out.messages.empty());
  of.receive("c", question{key});
  CHECK(of.dropped(drop::origin) == 1);
  of.prepare(1);
  of.receive("b", question{key});
  CHECK(of.only_request(confirm).to.node() == "b");
  step_key other = key;
  other.tx = "other";
  of.receive("b", question{other});
  CHECK(of.only_request(reverse).to.node() == "b");
}

TEST_CASE("a committed transaction is pushed on after a restart") {
  both_asked of;
  of.prepare(0);
  of.prepare(1);
  of.restart();
  CHECK(of.requests(confirm).size() == 2);
  CHECK(of.machine->outcome_of("t").what == outcome_kind::committed);
}

TEST_CASE("a participant that is prepared holds, asks, and never changes its mind") {
  prepared of;
  CHECK(of.machine->in_doubt() == 1);
  of.pass(3600 * 1000 * ms);
  CHECK(of.machine->in_doubt() == 1);
  REQUIRE(of.out.messages.size() == 1);
  CHECK(std::holds_alternative<question>(of.out.messages[0].body));
  of.restart();
  CHECK(of.machine->in_doubt() == 1);
  of.receive("b", of.asks(perform, two_phase));
  CHECK(of.replied(perform)->what == answer_kind::ok);
  of.receive("b", of.asks(forget, two_phase));
  CHECK(of.dropped(drop::impossible) == 1);
  of.receive("b", of.asks(confirm, two_phase));
  CHECK(of.calls(callback::confirm) == 1);
  of.receive("b", of.asks(reverse, two_phase));
  CHECK(of.out.calls.empty());
  of.answer(callback::confirm, says(verdict::kind::ok));
  CHECK(of.replied(confirm) != nullptr);
  of.receive("b", of.asks(reverse, two_phase));
  CHECK(of.out.calls.empty());
  CHECK(of.replied(reverse) == nullptr);
  of.receive("b", of.asks(confirm, two_phase));
  CHECK(of.out.calls.empty());
  CHECK(of.replied(confirm) != nullptr);
}

TEST_CASE("a commit that fails is called again until it happens") {
  prepared of;
  of.receive("b", of.asks(confirm, two_phase));
  of.answer(callback::confirm, says(verdict::kind::error));
  CHECK(of.out.messages.empty());
  of.pass(of.how.retry_first);
  CHECK(of.calls(callback::confirm) == 1);
}

TEST_CASE("an operator decides for a step in doubt, and a coordinator that says otherwise is counted") {
  prepared of;
  CHECK(of.machine->open_units(10, wanted_units::in_doubt).size() == 1);
  CHECK(of.machine->in_doubt_since() == of.now);
  CHECK(of.resolve(true) == 1);
  CHECK(of.told(notice::kind::heuristic));
  CHECK(of.calls(callback::confirm) == 1);
  CHECK(of.machine->in_doubt() == 0);
  CHECK(of.machine->open_units(10, wanted_units::in_doubt).empty());
  const auto shown = of.machine->units_of("t", 10, 10);
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].from == "shop@b");
  CHECK(shown[0].attempt == 1);
  CHECK(shown[0].heuristic);
  CHECK(shown[0].steps.empty());
  of.restart();
  CHECK(of.calls(callback::confirm) == 1);
  of.answer(callback::confirm, says(verdict::kind::ok));
  CHECK(of.machine->counted().heuristic_mismatch == 0);
  of.receive("b", of.asks(reverse, two_phase));
  CHECK(of.replied(reverse)->what == answer_kind::ok);
  CHECK(of.told(notice::kind::mismatch));
  CHECK(of.machine->counted().heuristic_mismatch == 1);
}

TEST_CASE("one node has at most three quarters of the steps of two phases") {
  options how = both_phases();
  how.max_in_doubt = 4;
  one_saga of(how);
  for (std::uint32_t step = 1; step <= 3; ++step) {
    of.receive("b", of.asks(perform, two_phase, step));
    CHECK(of.calls(callback::perform) == 1);
  }
  of.receive("b", of.asks(perform, two_phase, 4));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::busy);
  request other = of.asks(perform, two_phase);
  other.key.step.path = {{{"shop", "c"}, 1}};
  of.receive("c", other);
  CHECK(of.calls(callback::perform) == 1);
}

TEST_CASE("the age of a step in doubt counts from its preparation, and after a restart from its deadline") {
  one_saga of(both_phases());
  CHECK(of.machine->in_doubt_since() == never);
  for (const std::uint32_t number : {1U, 2U, 3U})
    of.receive("b", of.asks(perform, two_phase, number, number == 3 ? 10U : 1000U));
  const coppice::base::nanos start = of.now;
  const auto prepare = [&](std::size_t which) {
    const call one = of.seen[which];
    of.pass(100 * ms);
    of.answer(one, says(verdict::kind::ok));
  };
  prepare(1);
  prepare(0);
  CHECK(of.machine->in_doubt_since() == start + 100 * ms);
  CHECK(of.machine->open_units(1, wanted_units::in_doubt).size() == 1);
  prepare(2); // its deadline has passed
  CHECK(of.machine->in_doubt_since() == start + 10 * ms);
  of.receive("b", of.asks(reverse, two_phase, 3));
  of.answer(callback::reverse, says(verdict::kind::ok));
  CHECK(of.machine->in_doubt_since() == start + 100 * ms);
  CHECK(of.machine->in_doubt() == 2);
  of.pass(10'000 * ms);
  of.restart();
  CHECK(of.machine->in_doubt() == 2);
  CHECK(of.machine->in_doubt_since() == start + 1000 * ms);
  CHECK(of.machine->open_units(10, wanted_units::in_doubt).size() == 2);
}

TEST_CASE(
    "an operator's decision is answered once it is on the disk, and what waits for none is left alone") {
  prepared of;
  of.holds_writes = true;
  of.out.clear();
  of.machine->resolve(of.now, 7, "t", false, of.out);
  of.note();
  CHECK(of.out.answers.empty());
  CHECK(of.out.calls.empty());
  of.sync();
  REQUIRE(of.out.answers.size() == 1);
  CHECK(of.out.answers[0].token == 7);
  CHECK(of.out.answers[0].what == client_answer::resolved);
  CHECK(of.out.answers[0].parts == 1);
  CHECK(of.calls(callback::reverse) == 1);
  for (const bool commit : {true, false}) {
    CHECK(of.resolve(commit) == 0);
    CHECK(of.out.answers[0].what == client_answer::over);
    CHECK(of.resolve(commit, "never begun") == 0);
    CHECK(of.out.answers[0].what == client_answer::unknown);
  }
  CHECK(of.machine->counted().heuristic == 1);
}

TEST_CASE("an operator aborts a transaction without a decision, and its steps are told so") {
  one_saga of(both_phases());
  of.begin();
  CHECK(of.resolve(true) == 0);
  CHECK(of.out.answers[0].what == client_answer::over);
  CHECK(of.resolve(false) == 1);
  CHECK(of.out.answers[0].what == client_answer::resolved);
  CHECK(of.machine->outcome_of("t") == outcome{outcome_kind::aborted, reason("resolved")});
  CHECK(of.resolve(false) == 0);
}

TEST_CASE("above in_doubt a step of two phases is answered with busy") {
  options how = both_phases();
  how.max_in_doubt = 1;
  one_saga of(how);
  of.receive("b", of.asks(perform, two_phase));
  of.receive("b", of.asks(perform, two_phase, 2));
  CHECK(of.replied(perform)->what == answer_kind::busy);
}

TEST_CASE("an operator who aborts a step that leads to others, long in doubt, does not take those for gone") {
  one_saga of(both_phases());
  of.receive("b", of.asks(perform, two_phase));
  of.answer(callback::perform, steps({to("c", 1)}));
  of.reply_to(of.only_request(perform));
  of.answer(callback::result, steps({}));
  CHECK(of.machine->in_doubt() == 1);
  of.pass(1000 * of.machine->grace());
  CHECK(of.machine->open_units(10, wanted_units::overdue).empty());
  CHECK(of.resolve(false) == 1);
  const message told = of.only_request(reverse);
  CHECK(told.to.node() == "c");
  CHECK(of.machine->open_units(10, wanted_units::overdue).size() == 1);
  CHECK(of.resolve(false) == 0);
  of.reply_to(told);
  of.answer(callback::reverse, says(verdict::kind::ok));
  CHECK(of.machine->open_units(10, wanted_units::overdue).empty());
  CHECK(of.machine->first_ending() == coppice::saga::never);
}

namespace {

// A committed transaction: b has acknowledged it, and c is silent until an operator takes it for gone.
struct one_gone : both_asked {
  one_gone() {
    prepare(0);
    prepare(1);
    words = requests(confirm);
    REQUIRE(words.size() == 2);
    reply_to(words[0]);
    pass(machine->grace() + how.lifespan + 1);
    CHECK(resolve(true) == 1);
    CHECK(words.back().to.node() == "c");
    lost = std::get<request>(words[1].body).key;
  }
  // b answers that it has forgotten the step, which ends the transaction.
  void end() {
    reply_to(only_request(forget));
    REQUIRE(machine->open() == 0);
  }
  void hears_commit(const step_key& key) {
    receive("c", question{key});
    const message word = only_request(confirm), last = only_request(forget);
    CHECK(word.to.node() == "c");
    CHECK(std::get<request>(word.body).key == key);
    CHECK_FALSE(word.awaits_answer);
    CHECK_FALSE(last.awaits_answer);
    CHECK(requests(reverse).empty());
  }
  std::vector<message> words;
  step_key lost;
};

} // namespace

TEST_CASE("a participant that was taken for gone and comes back in doubt is told the decision") {
  one_gone of;
  CHECK(of.machine->counted().heuristic == 1);
  CHECK(of.told(notice::kind::heuristic));
  SUBCASE("while the transaction is open") {
    of.hears_commit(of.lost);
  }
  SUBCASE("while it is open, after a restart") {
    of.restart();
    of.hears_commit(of.lost);
  }
  SUBCASE("after its end, however long ago that was") {
    of.end();
    of.hears_commit(of.lost);
    of.pass(2 * of.how.keep);
    of.hears_commit(of.lost);
    of.restart();
    of.pass(2 * of.how.keep);
    of.hears_commit(of.lost);
  }
  CHECK(of.machine->outcome_of("t").what == outcome_kind::committed);
}

TEST_CASE(
    "an outcome that nobody may ask for any more goes in its time, also beside one that is kept for long") {
  one_gone of;
  of.end();
  of.begin("later");
  of.answer(callback::start, says(verdict::kind::done));
  of.pass(2 * of.how.keep);
  CHECK(of.machine->outcome_of("later").what == outcome_kind::unknown);
  CHECK(of.machine->outcome_of("t").what == outcome_kind::committed);
}

TEST_CASE("the last words about a step are carried out in their order, and nothing of the step is left") {
  for (const bool commits : {true, false}) {
    for (const bool fails_once : {false, true}) {
      CAPTURE(commits);
      CAPTURE(fails_once);
      const request_kind word = commits ? confirm : reverse;
      const callback runs = commits ? callback::confirm : callback::reverse;
      prepared of;
      of.receive("b", of.asks(word, two_phase));
      CHECK(of.calls(runs) == 1);
      of.receive("b", of.asks(forget, two_phase)); // the callback still runs
      CHECK(of.replied(forget) == nullptr);
      CHECK(of.machine->entries() == 1);
      if (fails_once) {
        of.answer(runs, says(verdict::kind::error));
        of.receive("b", of.asks(forget, two_phase));
        CHECK(of.machine->entries() == 1);
        of.pass(of.how.retry_first);
      }
      of.answer(runs, says(verdict::kind::ok));
      CHECK(of.replied(word) != nullptr);
      CHECK(of.replied(forget) != nullptr);
      CHECK(of.machine->entries() == 0);
      CHECK(of.disk.empty());
    }
  }
}

TEST_CASE(
    "a step that an operator has decided asks its coordinator until it may be forgotten, and counts what "
    "differs") {
  prepared of;
  CHECK(of.resolve(true) == 1);
  of.answer(callback::confirm, says(verdict::kind::ok));
  SUBCASE("at once") {}
  SUBCASE("after a restart") {
    of.restart();
  }
  for (int times = 0; times < 2; ++times) {
    of.pass(2 * of.how.retry_max);
    REQUIRE(of.out.messages.size() == 1);
    CHECK(std::holds_alternative<question>(of.out.messages[0].body));
  }
  CHECK(of.machine->in_doubt() == 0);
  of.receive("b", of.asks(reverse, two_phase)); // the transaction was aborted, and b has forgotten it
  of.receive("b", of.asks(forget, two_phase));
  CHECK(of.machine->counted().heuristic_mismatch == 1);
  CHECK(of.machine->entries() == 0);
  of.pass(2 * of.how.retry_max);
  CHECK(of.out.messages.empty());
}

TEST_CASE(
    "a step that is over and hears no more asks too, since its coordinator may have taken it for gone after "
    "its answer was lost") {
  prepared of;
  of.receive("b", of.asks(confirm, two_phase));
  of.answer(callback::confirm, says(verdict::kind::ok));
  CHECK(of.replied(confirm) != nullptr);
  of.pass(of.machine->grace() - 1);
  CHECK(of.out.messages.empty());
  of.pass(1);
  REQUIRE(of.out.messages.size() == 1);
  CHECK(std::holds_alternative<question>(of.out.messages[0].body));
  of.receive("b", of.asks(forget, two_phase));
  CHECK(of.machine->entries() == 0);
}

TEST_CASE(
    "a step whose abort can never be carried out stays for an operator when its coordinator knows no more of "
    "it") {
  prepared of;
  of.receive("b", of.asks(reverse, two_phase));
  of.receive("b", of.asks(forget, two_phase));
  of.answer(callback::reverse, says(verdict::kind::never));
  CHECK(of.told(notice::kind::parked));
  CHECK(of.machine->parked() == 1);
  CHECK(of.resolve(false) == 1);
  CHECK(of.machine->parked() == 0);
  CHECK(of.machine->entries() == 0);
}
