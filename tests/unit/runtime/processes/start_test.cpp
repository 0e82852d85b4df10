// SPDX-License-Identifier: MIT
// Starting a process and waiting for its init, on one worker and between two: what the starter is told, and
// what is left of an attempt that fails.
#include <array>
#include <atomic>
#include <thread>

#include "heard_log.hpp"
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

using kind = answer_to_call::kind;

constexpr base::nanos short_time = 50 * base::nanos_per_ms;

bool has_come(const answer_to_call& answer) {
  return answer.what == kind::reply || answer.what == kind::enveloped;
}

// An init that never returns by itself.
outcome wait_for_ever(process& self) {
  (void)self.await(self.make_ack());
  return carry_on();
}

} // namespace

TEST_CASE("a start tells what comes of init, beside the starter and on another worker") {
  node here(2);
  const actor parent(here.host, {.worker = 0});
  for (const int worker : {0, 1}) {
    const auto start = [&](scripted::step init) {
      return parent.run([&](process& self) {
        auto begun = self.start({.worker = worker}, script({}, std::move(init)));
        REQUIRE(begun);
        CHECK(has_come(begun->came));
        return std::pair(begun->who, begun->came.term);
      });
    };
    const auto [running, ok] = start([](process&) { return carry_on(); });
    CHECK(ok == atom("ok"));
    CHECK(here.host.alive(running));
    here.host.exit(running, reasons::kill());
    CHECK(start([](process&) { return ignore(); }).second == atom("ignore"));
    CHECK(start([](process&) { return stop(atom("bad")); }).second == error_message(atom("bad")));
    const auto [killed, reason] = start([](process& self) {
      self.exit(self.self(), reasons::kill());
      return carry_on();
    });
    CHECK(reason == error_message(atom("killed")));
    CHECK(!here.host.alive(killed));
  }
}

TEST_CASE("the name of a process whose init failed is free as soon as its starter hears of it") {
  node here(2);
  const actor parent(here.host, {.worker = 0});
  const auto taken = parent.run([&](process& self) {
    int out = 0;
    for (int i = 0; i < 500; ++i) {
      const bool ignores = i % 2 == 0;
      spawn_options options;
      options.name = "once";
      options.worker = 1;
      auto begun =
          self.start(std::move(options),
                     script({}, [ignores](process&) { return ignores ? ignore() : stop(atom("bad")); }));
      out += !begun || here.host.whereis("once") ? 1 : 0;
    }
    return out;
  });
  CHECK(taken == 0);
}

TEST_CASE("an init may take as long as it likes, and others run meanwhile") {
  node here(1);
  const actor parent(here.host);
  const actor other(here.host);
  std::promise<reference> door;
  std::promise<message> came;
  parent.start([&](process& self) {
    auto begun = self.start({}, script({}, [&](process& child) {
                              const reference mine = child.make_ack();
                              door.set_value(mine);
                              (void)child.await(mine);
                              return ignore();
                            }));
    came.set_value(begun ? begun->came.term : atom("none"));
  });
  const reference mine = door.get_future().get();
  other.run([&](process& self) { return self.answer(mine, atom("go")), 0; });
  CHECK(came.get_future().get() == atom("ignore"));
}

TEST_CASE("what init sent the starter has come when the start is over") {
  for (const int worker : {0, 1}) {
    node here(2);
    const actor parent(here.host, {.worker = 0});
    CHECK(parent.run([&](process& self) {
      const pid starter = self.self();
      auto begun = self.start({.worker = worker}, script({}, [starter](process& child) {
                                for (int i = 0; i < 3; ++i) child.send(starter, number(i));
                                return carry_on();
                              }));
      REQUIRE(begun);
      REQUIRE(begun->came.term == atom("ok"));
      std::int64_t sum = 0;
      const auto all = [](const message&, message_origin) { return true; };
      for (int i = 0; i < 3; ++i) sum = 10 * sum + value_of(self.take_message(all));
      here.host.exit(begun->who, reasons::kill());
      return sum;
    }) == 12);
  }
}

TEST_CASE("a link's exit comes after the start has told why") {
  for (const int worker : {0, 1}) {
    node here(2);
    const actor parent(here.host, {.worker = 0});
    const pid ended = parent.run([&](process& self) {
      self.trap_exit(true);
      auto begun = self.start({.link = true, .worker = worker},
                              script({}, [](process&) { return stop(atom("bad")); }));
      REQUIRE(begun);
      CHECK(begun->came.term == error_message(atom("bad")));
      return begun->who;
    });
    CHECK(parent.next() == exit_message(ended, atom("bad"), here.host.nodes()));
  }
}

TEST_CASE("after a deadline nothing of the start is left, whatever init still says") {
  test::heard_log log;
  node here(2);
  for (const int worker : {0, 1}) {
    const actor parent(here.host, {.worker = 0});
    std::promise<reference> door;
    std::promise<void> goes_on;
    const pid late = parent.run([&](process& self) {
      auto begun = self.start({.worker = worker},
                              script([&](process&, message) { return goes_on.set_value(), carry_on(); },
                                     [&](process& child) {
                                       const reference mine = child.make_ack();
                                       door.set_value(mine);
                                       (void)child.await(mine);
                                       return carry_on();
                                     }),
                              self.now() + short_time);
      REQUIRE(begun);
      CHECK(begun->came.what == kind::timeout);
      return begun->who;
    });
    const reference mine = door.get_future().get();
    CHECK(parent.run([&](process& self) { return self.answer(mine, atom("go")), self.exiting(); }) == false);
    here.host.send(late, atom("hello")); // the process gets it after its init
    CHECK(goes_on.get_future().wait_for(patience) == std::future_status::ready);
    parent.settle();
    CHECK(parent.waiting() == 0);
    here.host.exit(late, reasons::kill());
  }
  CHECK(log.count("circle") == 0);
}

TEST_CASE("an init that calls who starts it is named when the start's deadline passes") {
  test::heard_log log;
  node here(1);
  const actor parent(here.host, {.name = "starter"});
  parent.run([&](process& self) {
    const pid starter = self.self();
    auto begun = self.start({},
                            script({},
                                   [starter](process& child) {
                                     (void)child.call(starter, number(1));
                                     return carry_on();
                                   }),
                            self.now() + 10 * short_time);
    REQUIRE(begun);
    CHECK(begun->came.what == kind::timeout);
    return 0;
  });
  CHECK(eventually([&] { return log.count("calls in a circle") == 1; }));
}

TEST_CASE("a starter that is killed waits no longer, and the one it started goes on") {
  node here(2);
  for (const int worker : {0, 1}) {
    const actor parent(here.host, {.worker = 0});
    std::promise<pid> started;
    std::promise<kind> came;
    parent.start([&](process& self) {
      auto begun = self.start({.worker = worker}, script({}, [&](process& child) {
                                started.set_value(child.self());
                                return wait_for_ever(child);
                              }));
      came.set_value(begun->came.what);
    });
    const pid child = started.get_future().get();
    here.host.exit(parent.id(), reasons::kill());
    CHECK(came.get_future().get() == kind::exiting);
    CHECK(here.host.alive(child));
    here.host.exit(child, reasons::kill());
    CHECK(eventually([&] { return !here.host.alive(child); }));
  }
}

TEST_CASE("who cannot be made is not waited for") {
  node here(1);
  const actor holder(here.host, {.name = "taken"});
  const actor parent(here.host);
  CHECK(parent.run([&](process& self) {
    const auto begun = self.start({.name = "taken"}, script({}));
    REQUIRE(!begun);
    CHECK(begun.error().code == base::errc::exists);
    // It can still wait for other processes.
    return self.call(holder.id(), number(1), self.now() + short_time).what;
  }) == kind::timeout);
}

TEST_CASE("two that start one process after the other end up on two workers") {
  // Starts by the first process alone, so that the two do not begin at the same time.
  constexpr int at_first = 1000;
  constexpr int long_apart = 300; // starts in a row on two workers
  node here(2);
  std::array<std::atomic<int>, 2> place{-1, -1};
  std::atomic<bool> apart{false};
  std::array<std::promise<void>, 2> ended;
  const auto start_often = [&](process& self, std::size_t which, const pid& other) {
    for (int i = 0, streak = 0; !apart && !self.exiting(); ++i) {
      if (i == at_first && other) self.send(other, atom("go"));
      const auto begun = self.start({}, script({}, [](process&) { return ignore(); }));
      if (!begun || begun->came.term != atom("ignore")) break;
      place[which] = self.host().current_worker();
      streak = place[1 - which] >= 0 && place[0] != place[1] ? streak + 1 : 0;
      if (streak > long_apart) apart = true;
    }
    ended[which].set_value();
  };
  const actor parent(here.host, {.worker = 0});
  parent.run([&](process& self) {
    const pid second =
        self.spawn({}, script([&](process& own, message) { return start_often(own, 1, {}), carry_on(); }))
            .value();
    REQUIRE(self.spawn(
        {}, script({}, [&, second](process& own) { return start_often(own, 0, second), ignore(); })));
    return 0;
  });
  CHECK(eventually([&] { return apart.load(); }));
  apart = true;
  for (auto& one : ended) one.get_future().get();
}

} // namespace coppice::runtime::testing
