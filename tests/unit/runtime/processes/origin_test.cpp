// SPDX-License-Identifier: MIT
// Where a message comes from, as the runtime knows it: from which node, and whether the runtime itself made
// it (a notice).
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr pid stranger{7, 5, 40, 0};

signal_ptr from_elsewhere(const reference& ref, message m) {
  auto made = make_signal(signal_kind::message, stranger, ref, std::move(m));
  made->flags = signal::remote;
  return made;
}

// A process that writes down the origin of each message that it receives.
struct witness {
  struct heard {
    std::uint32_t node;
    bool notice;
  };
  explicit witness(system& host) {
    who = *host.spawn({.trap_exit = true}, script([this](process& self, message) {
                        const std::lock_guard guard(lock);
                        all.push_back({self.origin().node, self.origin().notice});
                        arrived.notify_all();
                        return carry_on();
                      }));
  }
  heard next() {
    std::unique_lock guard(lock);
    REQUIRE(arrived.wait_for(guard, patience, [this] { return !all.empty(); }));
    const heard first = all.front();
    all.pop_front();
    return first;
  }
  std::mutex lock;
  std::condition_variable arrived;
  std::deque<heard> all;
  pid who;
};

message exit_of(const pid& whom, const system& host) {
  return exit_message(whom, atom("boom"), host.nodes());
}

} // namespace

TEST_CASE("a message tells its origin, and only the node's own word is a notice") {
  node on(2);
  witness there(on.host);
  const actor here(on.host);
  const auto is = [&](std::uint32_t from, bool notice) {
    const auto heard = there.next();
    CHECK(heard.node == from);
    CHECK(heard.notice == notice);
  };
  here.run([&](process& self) { return self.send(there.who, exit_of(self.self(), on.host)); });
  is(0, false);
  on.host.deliver(there.who, from_elsewhere({}, exit_of(here.id(), on.host)));
  is(stranger.node, false);
  here.run([&](process& self) { return self.start_timer(0, there.who, atom("tick")); });
  is(0, false);
  here.run([&](process& self) { return self.notify(there.who, atom("word")), 0; });
  is(0, true);
  on.host.notify(there.who, atom("word"));
  is(0, true);
  on.host.deliver(there.who, make_signal(signal_kind::exit2, stranger, atom("boom")));
  is(stranger.node, true);
  here.run([&](process& self) { return self.exit(there.who, atom("boom")); });
  is(0, true);
}

TEST_CASE("what a process reminds itself of, and the end of what it watches, are notices") {
  node on(2);
  const auto told = std::make_shared<std::promise<bool>>();
  auto ended = told->get_future();
  const actor watched(on.host);
  auto does = script(
      [told, count = 0, all = true](process& self, message) mutable {
        all = all && self.origin().notice;
        if (++count == 2) told->set_value(all);
        return carry_on();
      },
      [&](process& self) {
        self.monitor(watched.id());
        self.remind(0, atom("now"));
        return carry_on();
      });
  REQUIRE(on.host.spawn({}, std::move(does)));
  watched.stop(atom("done"));
  REQUIRE(ended.wait_for(patience) == std::future_status::ready);
  CHECK(ended.get());
}

TEST_CASE("an answer is taken only from the node that was asked, though another knows the alias") {
  node on(2);
  const actor callee(on.host, {.name = "callee"});
  for (const bool apart : {true, false}) {
    CAPTURE(apart);
    const actor caller(on.host);
    std::promise<reference> asked;
    std::promise<std::int64_t> answered;
    caller.start([&](process& self) {
      const destination to(callee.id());
      const auto ref = apart ? self.monitor(to, true) : self.make_ack();
      if (apart)
        self.send(to, atom("question"));
      else
        self.send_call(to, ref, atom("question"));
      asked.set_value(ref);
      const auto answer = self.await(ref, self.now() + 20 * base::nanos_per_second);
      answered.set_value(answer ? value_of(*answer) : -1);
    });
    const auto ref = asked.get_future().get();
    callee.next();
    // One forged answer to the call's alias, and one to the process itself as {Tag, Reply}.
    on.host.deliver(destination::alias(ref), from_elsewhere({}, number(666)));
    message_writer forged;
    forged.tuple(2);
    write(forged, ref, on.host.nodes());
    forged.integer(666);
    on.host.deliver(caller.id(), from_elsewhere({}, forged.take()));
    callee.run([&](process& self) { return self.answer(ref, number(1)); });
    auto got = answered.get_future();
    REQUIRE(got.wait_for(patience) == std::future_status::ready);
    CHECK(got.get() == 1);
  }
}

TEST_CASE("a request is answered by the node it was made to; an alias of a monitor by whoever was given it") {
  node on(2);
  const actor callee(on.host);
  const actor asker(on.host);
  for (const bool request : {true, false}) {
    CAPTURE(request);
    const auto ref = asker.run([&](process& self) {
      return self.monitor(callee.id(), {.alias = alias_until::reply, .request = request});
    });
    on.host.deliver(destination::alias(ref), from_elsewhere({}, atom("elsewhere")));
    callee.run([&](process& self) { return self.answer(ref, atom("here")); });
    CHECK(is_atom(asker.next(), request ? "here" : "elsewhere"));
  }
}

TEST_CASE("who does not know a call's random word answers nothing, in any count") {
  node on(2);
  const actor callee(on.host, {.name = "callee"});
  const actor caller(on.host);
  std::promise<reference> asked;
  std::promise<std::int64_t> answered;
  caller.start([&](process& self) {
    const auto ref = self.make_ack();
    self.send_call(callee.id(), ref, atom("question"));
    asked.set_value(ref);
    const auto answer = self.await(ref, self.now() + 20 * base::nanos_per_second);
    answered.set_value(answer ? value_of(*answer) : -1);
  });
  const auto ref = asked.get_future().get();
  callee.next();
  const actor guesser(on.host);
  guesser.run([&](process& self) {
    for (std::uint32_t i = 0; i < 1000; ++i) {
      auto guess = ref;
      guess.words[2] += i + 1;
      self.answer(guess, number(666));
      guess.words[2] = i;
      self.answer(guess.words[2] == ref.words[2] ? reference{} : guess, number(667));
    }
    return 0;
  });
  callee.run([&](process& self) { return self.answer(ref, number(1)); });
  auto got = answered.get_future();
  REQUIRE(got.wait_for(patience) == std::future_status::ready);
  CHECK(got.get() == 1);
}

} // namespace coppice::runtime::testing
