// SPDX-License-Identifier: MIT
// process::ask(): a process makes many requests at once, and the answers come to receive_answer(). Each
// request gets exactly one answer, whatever happens to the process that is asked, and only from that process.
#include <array>
#include <future>
#include <map>

#include "promised.hpp"
#include "runtime/actor.hpp"
#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime::testing {
namespace {

using kind = ask_result::kind;

// Passes the results of its asks to the test. The test tells it what to do by functions, as with `actor`.
class asker : public behaviour {
 public:
  struct shared {
    std::mutex lock;
    std::condition_variable came;
    std::deque<std::function<void(process&)>> orders;
    std::map<std::uint64_t, ask_result> results;
    int repeated = 0;
  };
  explicit asker(std::shared_ptr<shared> state) : state_(std::move(state)) {}
  outcome init(process&) override { return carry_on(); }
  outcome receive(process& self, message) override {
    std::function<void(process&)> order;
    {
      const std::lock_guard guard(state_->lock);
      order = std::move(state_->orders.front());
      state_->orders.pop_front();
    }
    order(self);
    return carry_on();
  }
  outcome receive_answer(process&, std::uint64_t number, ask_result result) override {
    const std::lock_guard guard(state_->lock);
    if (!state_->results.emplace(number, std::move(result)).second) ++state_->repeated;
    state_->came.notify_all();
    return carry_on();
  }
  void describe(description& out) const override { out.behaviour = "asker"; }

 private:
  std::shared_ptr<shared> state_;
};

class asking_actor {
 public:
  explicit asking_actor(system& host, int worker) : host_(host) {
    id_ = host.spawn({.worker = worker}, std::make_unique<asker>(state_)).value();
  }
  template <class Function>
  auto run(Function what) {
    std::promise<decltype(what(std::declval<process&>()))> promise;
    auto done = promise.get_future();
    {
      const std::lock_guard guard(state_->lock);
      state_->orders.push_back([&promise, &what](process& self) { test::fulfil(promise, what, self); });
    }
    host_.send(id_, atom("order"));
    return done.get();
  }
  std::optional<std::uint64_t> ask(const pid& to, message what, process::asking how) {
    return run([&](process& self) { return self.ask(to, std::move(what), how); });
  }
  ask_result result(std::uint64_t number) {
    std::unique_lock guard(state_->lock);
    REQUIRE(state_->came.wait_for(guard, patience, [&] { return state_->results.contains(number); }));
    return state_->results.at(number);
  }
  std::size_t results() {
    const std::lock_guard guard(state_->lock);
    return state_->results.size();
  }
  int repeated() {
    const std::lock_guard guard(state_->lock);
    return state_->repeated;
  }
  pid id() const { return id_; }

 private:
  system& host_;
  std::shared_ptr<asker::shared> state_ = std::make_shared<asker::shared>();
  pid id_;
};

// Answers the call N with N + 1, ends on `die`, passes `hand_on` to another process that answers, and keeps
// every other call until it receives `kept`.
class answering : public behaviour {
 public:
  outcome init(process&) override { return carry_on(); }
  outcome receive(process& self, message m) override {
    if (is_atom(m, "die")) return stop(atom("crash"));
    if (is_atom(m, "kept")) self.reply(kept_, atom("at_last"));
    return carry_on();
  }
  outcome receive_call(process& self, const call_id& call, message request) override {
    if (is_atom(request, "die")) return stop(atom("crash"));
    if (const std::int64_t value = value_of(request); value >= 0)
      return self.reply(call, number(value + 1)), carry_on();
    if (is_atom(request, "hand_on")) {
      const reference to = call.ref();
      (void)self.spawn(
          {}, script({}, [to](process& other) {
            message reply = whole_answer(other.host().nodes(), {to.owner(), to.number()}, atom("by_another"));
            other.answer(to, std::move(reply));
            return ignore();
          }));
      return carry_on();
    }
    kept_ = call;
    return carry_on();
  }
  void describe(description& out) const override { out.behaviour = "answering"; }

 private:
  call_id kept_;
};

} // namespace

TEST_CASE("calls asked are answered, messages acknowledged, on one worker and between two") {
  for (const unsigned workers : {1U, 2U}) {
    node here(workers);
    const pid server = here.host.spawn({.worker = 0}, std::make_unique<answering>()).value();
    asking_actor client(here.host, static_cast<int>(workers) - 1);
    std::vector<std::uint64_t> numbers = client.run([&](process& self) {
      std::vector<std::uint64_t> out;
      for (std::int64_t i = 0; i < 500; ++i) {
        out.push_back(self.ask(server, number(i), process::asking::call).value_or(0));
        out.push_back(self.ask(server, atom("noted"), process::asking::message).value_or(0));
      }
      return out;
    });
    for (std::size_t i = 0; i < numbers.size(); i += 2) {
      const ask_result answer = client.result(numbers[i]);
      CHECK(answer.what == kind::answer);
      CHECK(value_of(answer.term) == static_cast<std::int64_t>(i / 2 + 1));
      CHECK(client.result(numbers[i + 1]).what == kind::acknowledged);
    }
    CHECK(client.results() == 1000);
  }
}

TEST_CASE("an answer may come later, or from whom the call was handed on to") {
  node here(2);
  const pid server = here.host.spawn({.worker = 0}, std::make_unique<answering>()).value();
  asking_actor client(here.host, 1);
  const auto kept = client.ask(server, atom("keep"), process::asking::call);
  const auto handed = client.ask(server, atom("hand_on"), process::asking::call);
  REQUIRE((kept && handed));
  const ask_result by_another = client.result(*handed);
  CHECK(by_another.what == kind::answer);
  CHECK(is_atom(by_another.term, "by_another"));
  CHECK(client.results() == 1);
  here.host.send(server, atom("kept"));
  CHECK(is_atom(client.result(*kept).term, "at_last"));
}

TEST_CASE("the end of who is asked is told of each ask, and of one that is gone at once") {
  node here(2);
  const pid server = here.host.spawn({.worker = 0}, std::make_unique<answering>()).value();
  asking_actor client(here.host, 1);
  std::array<std::optional<std::uint64_t>, 4> asked;
  for (int i = 0; i < 3; ++i) asked[i] = client.ask(server, atom("keep"), process::asking::call);
  asked[3] = client.ask(server, atom("die"), process::asking::message);
  for (const auto& one : asked) {
    REQUIRE(one);
    const ask_result ended = client.result(*one);
    CHECK(ended.what == kind::down);
    CHECK(is_atom(ended.term, "crash"));
  }
  CHECK(client.run([&](process& self) {
    message request = atom("left");
    const auto none = self.ask(server, std::move(request), process::asking::call);
    return !none && is_atom(request, "left"); // the request is still there
  }));
  CHECK(client.repeated() == 0);
}

TEST_CASE("nobody else's message is an answer, and a second one is none") {
  node here(2);
  const pid server = here.host.spawn({.worker = 0}, std::make_unique<answering>()).value();
  asking_actor client(here.host, 1);
  const auto kept = client.ask(server, atom("keep"), process::asking::call);
  REQUIRE(kept);
  const reference right = reference::made_by(client.id(), *kept);
  const reference wrong = reference::made_by(client.id(), *kept ^ std::uint64_t{1} << 40);
  const auto answer_as = [&](const pid& from, const reference& to) {
    signal_ptr what = make_signal(signal_kind::message, from, to,
                                  whole_answer(here.host.nodes(), {to.owner(), to.number()}, atom("forged")));
    what->flags = signal::unbounded | (from.here() ? 0 : signal::remote);
    here.host.deliver(destination::alias(to), std::move(what));
  };
  const std::uint64_t before = here.host.counters().dead_letters;
  answer_as(pid{1, 7, 7, 7}, right); // from another node, which was not asked
  answer_as(server, wrong);
  CHECK(eventually([&] { return here.host.counters().dead_letters == before + 2; }));
  CHECK(client.results() == 0);
  here.host.send(server, atom("kept"));
  CHECK(is_atom(client.result(*kept).term, "at_last"));
  here.host.send(server, atom("kept"));
  CHECK(eventually([&] { return here.host.counters().dead_letters == before + 3; }));
  CHECK(client.repeated() == 0);
}

TEST_CASE("a caller is known until it has its answer or gives up, and can be told that its call ended") {
  node here(2);
  class keeper : public behaviour {
   public:
    explicit keeper(std::promise<std::array<bool, 3>>& told) : told_(told) {}
    outcome init(process&) override { return carry_on(); }
    outcome receive(process& self, message) override {
      const bool waited = self.caller(kept_.ref()) == kept_.who;
      const bool ended = self.end_call(kept_.ref(), atom("no_more"));
      told_.set_value({waited, ended, self.caller(kept_.ref()).has_value()});
      return carry_on();
    }
    outcome receive_call(process& self, const call_id& call, message) override {
      kept_ = call;
      self.send(self.self(), atom("go_on"));
      return carry_on();
    }
    void describe(description& out) const override { out.behaviour = "keeper"; }

   private:
    std::promise<std::array<bool, 3>>& told_;
    call_id kept_;
  };
  std::promise<std::array<bool, 3>> told;
  const pid server = here.host.spawn({.worker = 0}, std::make_unique<keeper>(told)).value();
  const actor client(here.host, {.worker = 1});
  const answer_to_call got = client.run([&](process& self) { return self.call(server, atom("x")); });
  CHECK(got.what == answer_to_call::kind::down);
  CHECK(is_atom(got.term, "no_more"));
  CHECK(told.get_future().get() == std::array{true, true, false});
  CHECK(here.host.alive(server));
}

} // namespace coppice::runtime::testing
