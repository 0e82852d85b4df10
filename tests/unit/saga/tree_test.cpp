// SPDX-License-Identifier: MIT
// Tests of a participant whose step consists of steps of its own: the coordinator above it sees one step.
#include "one_saga.hpp"

using namespace coppice::saga;
using namespace coppice::saga::test;

namespace {

constexpr auto perform = request_kind::perform, reverse = request_kind::reverse,
               confirm = request_kind::confirm, forget = request_kind::forget;

// A saga that shop@b has asked for a step, and that has asked stock@c for a step below it.
struct middle : one_saga {
  explicit middle(commit_kind kind = commit_kind::compensate) : of_kind(kind) {
    receive("b", asks(perform, kind));
    answer(callback::perform, steps({to("c", 1)}));
    below = only_request(perform);
  }
  void done() {
    reply_to(below, answer_kind::ok, 4);
    answer(callback::result, steps({}));
  }
  commit_kind of_kind;
  message below;
};

} // namespace

TEST_CASE("a step below names every saga above it, has a hop less and no more time") {
  middle of;
  const request& in = std::get<request>(of.below.body);
  const step_path path{{{"shop", "b"}, 1}, {{"orders", "a"}, 1}};
  CHECK(in.key.step.path == path);
  CHECK(in.key.step.hops == 15);
  CHECK(in.left_ms == 1000);
}

TEST_CASE("the step is done when what is below it is, and forgotten after that") {
  middle of;
  of.done();
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->value == number(4));
  of.receive("b", of.asks(forget));
  CHECK(of.replied(forget) == nullptr);
  of.reply_to(of.only_request(forget));
  CHECK(of.replied(forget) != nullptr);
  CHECK(of.disk.empty());
}

TEST_CASE("the step is undone after what is below it, as one step") {
  middle of;
  SUBCASE("done") {
    of.done();
  }
  SUBCASE("under way") {}
  SUBCASE("after a restart") {
    of.done();
    of.restart();
  }
  of.receive("b", of.asks(reverse));
  CHECK(of.out.calls.empty());
  const message undo = of.only_request(reverse);
  CHECK(undo.to.node() == "c");
  of.reply_to(undo);
  CHECK(of.replied(reverse) == nullptr);
  CHECK(of.calls(callback::reverse) == 1);
  of.answer(callback::reverse, says(verdict::kind::ok));
  CHECK(of.replied(reverse) != nullptr);
}

TEST_CASE("what fails below is undone there and answered as an error, also when its time is over") {
  middle of;
  SUBCASE("error") {
    of.reply_to(of.below, answer_kind::error, 3);
    of.answer(callback::failed, says(verdict::kind::cancel, 3));
  }
  SUBCASE("lifespan") {
    of.pass(1000 * ms);
    of.reply_to(of.only_request(reverse));
  }
  CHECK(of.replied(perform) == nullptr);
  REQUIRE(of.calls(callback::reverse) == 1);
  CHECK(of.out.calls[0].value == number(9));
  of.answer(callback::reverse, says(verdict::kind::ok));
  REQUIRE(of.replied(perform) != nullptr);
  CHECK(of.replied(perform)->what == answer_kind::error);
  of.receive("b", of.asks(reverse));
  CHECK(of.out.calls.empty());
  CHECK(of.replied(reverse) != nullptr);
}

TEST_CASE("a clock that was ahead before a restart gives a step no more time than a lifespan") {
  middle of;
  of.how.lifespan = 100 * ms; // less than the step was given
  of.restart();
  CHECK(std::get<request>(of.only_request(perform).body).left_ms == 100);
  of.pass(100 * ms);
  CHECK(of.only_request(reverse).to.node() == "c");
}

TEST_CASE("in two phases the coordinator's word goes down, and what is below acknowledges first") {
  middle of(commit_kind::two_phase);
  of.done();
  CHECK(of.machine->in_doubt() == 1);
  of.receive("b", of.asks(confirm, commit_kind::two_phase));
  CHECK(of.out.calls.empty());
  const message told = of.only_request(confirm);
  of.restart();
  CHECK(of.only_request(confirm).body == told.body);
  of.reply_to(told);
  CHECK(of.replied(confirm) == nullptr);
  of.answer(callback::confirm, says(verdict::kind::ok));
  CHECK(of.replied(confirm) != nullptr);
}

TEST_CASE("a step below asks its own coordinator, which knows no more until it is told") {
  middle of(commit_kind::two_phase);
  const step_key key = std::get<request>(of.below.body).key;
  of.done();
  of.receive("c", question{key});
  CHECK(of.out.messages.empty());
  of.receive("b", of.asks(reverse, commit_kind::two_phase));
  CHECK(of.only_request(reverse).to.node() == "c");
}
