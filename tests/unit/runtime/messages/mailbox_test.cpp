// SPDX-License-Identifier: MIT
// Mailboxes: order, bounds, and what happens at a full one.
#include <algorithm>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {

TEST_CASE("signals of one sender arrive in the order sent, whatever their kinds") {
  node here;
  for (int round = 0; round < 50; ++round) {
    const actor receiver(here.host, {.worker = 0});
    const actor sender(here.host, {.worker = 1});
    sender.start([to = receiver.id()](process& self) { // which may end after this round
      for (int i = 0; i < 100; ++i) self.send(to, number(i));
      self.exit(to, atom("kill"));
      self.send(to, atom("never"));
    });
    REQUIRE(eventually([&] { return !receiver.alive(); }));
    for (std::int64_t i = 0, count = static_cast<std::int64_t>(receiver.waiting()); i < count; ++i)
      REQUIRE(value_of(receiver.next()) == i);
  }
}

TEST_CASE("each sender's messages keep their order when many send") {
  constexpr int senders = 8;
  constexpr int each = 2000;
  node here;
  const actor receiver(here.host);
  for (int s = 0; s < senders; ++s) {
    const actor sender(here.host, {.worker = s});
    sender.start([&, s](process& self) {
      for (int i = 0; i < each; ++i) self.send(receiver.id(), number(s * each + i));
    });
  }
  std::array<int, senders> next{};
  bool ordered = true;
  for (int i = 0; i < senders * each; ++i) {
    const auto value = static_cast<int>(value_of(receiver.next()));
    ordered = ordered && value % each == next[static_cast<std::size_t>(value / each)]++;
  }
  CHECK(ordered);
}

TEST_CASE("a full mailbox drops what is new, and says so, when that is its policy") {
  node here;
  const actor receiver(here.host, {.mailbox = {.messages = 3, .policy = on_full::drop_new}});
  const actor sender(here.host);
  std::promise<void> gate;
  std::promise<void> busy;
  receiver.start([&](process&) {
    busy.set_value();
    gate.get_future().wait();
  });
  busy.get_future().wait();
  const auto outcomes = sender.run([&](process& self) {
    std::vector<send_status> all;
    for (int i = 0; i < 5; ++i) all.push_back(self.send(receiver.id(), number(i)));
    self.send_unbounded(receiver.id(), atom("system"));
    return all;
  });
  gate.set_value();
  using enum send_status;
  CHECK(outcomes == std::vector{ok, ok, ok, full, full});
  for (std::int64_t i = 0; i < 3; ++i) CHECK(value_of(receiver.next()) == i);
  CHECK(is_atom(receiver.next(), "system"));
  CHECK(here.host.counters().dropped == 2);
  CHECK(here.host.info(receiver.id())->dropped == 2);
}

TEST_CASE("the bound in bytes counts too, but one message always fits") {
  node here;
  const actor receiver(here.host, {.mailbox = {.messages = 100, .bytes = 1000, .policy = on_full::drop_new}});
  std::promise<void> gate;
  std::promise<void> busy;
  receiver.start([&](process&) {
    busy.set_value();
    gate.get_future().wait();
  });
  busy.get_future().wait();
  message_writer large;
  large.binary(std::string(5000, 'x'));
  const message big = large.take();
  CHECK(here.host.send(receiver.id(), big) == send_status::ok);
  CHECK(here.host.send(receiver.id(), atom("small")) == send_status::full);
  gate.set_value();
  CHECK(receiver.next() == big);
}

TEST_CASE("a sender waits for room in a full mailbox, first come first served") {
  node here(1);
  const actor receiver(here.host, {.mailbox = {.messages = 2}});
  std::promise<void> gate;
  receiver.start([&](process& self) { (void)self.blocking_run([&] { gate.get_future().wait(); }); });
  receiver.id();
  std::vector<std::unique_ptr<actor>> senders;
  std::atomic<int> sent{0};
  for (int s = 0; s < 4; ++s) {
    senders.push_back(std::make_unique<actor>(here.host));
    senders.back()->start([&, s](process& self) {
      if (self.send(receiver.id(), number(s)) == send_status::ok) ++sent;
    });
    if (s >= 2)
      REQUIRE(eventually([&] { return senders.back()->parked(); }));
    else
      REQUIRE(eventually([&] { return sent == s + 1; }));
  }
  CHECK(sent == 2);
  gate.set_value();
  for (std::int64_t i = 0; i < 4; ++i) CHECK(value_of(receiver.next()) == i);
  CHECK(eventually([&] { return sent == 4; }));
}

TEST_CASE("each sender's messages keep their order at a mailbox that is full now and then") {
  constexpr std::int64_t senders = 3;
  constexpr std::int64_t each = 20'000;
  std::vector<std::int64_t> next(senders, 0);
  std::atomic<std::int64_t> seen{0};
  node here(4, system_options{.park = no_deadline / 2});
  const pid receiver = here.host
                           .spawn({.mailbox = {.messages = 8}}, script([&](process&, const message& m) {
                                    const std::int64_t value = value_of(m);
                                    CHECK(value % each == next[static_cast<std::size_t>(value / each)]++);
                                    ++seen;
                                    return carry_on();
                                  }))
                           .value();
  std::vector<std::unique_ptr<actor>> all;
  for (std::int64_t s = 0; s < senders; ++s) {
    all.push_back(std::make_unique<actor>(here.host, spawn_options{.worker = static_cast<int>(s) + 1}));
    all.back()->start([&, s](process& self) {
      for (std::int64_t i = 0; i < each; ++i) {
        self.send(receiver, number(s * each + i));
        if (i % 6 == 0) self.yield();
      }
    });
  }
  CHECK(eventually([&] { return seen == senders * each; }));
}

TEST_CASE("a sender that waited long enough is told full, and its message is gone") {
  node here(1, system_options{.park = 5 * base::nanos_per_ms});
  const actor receiver(here.host, {.mailbox = {.messages = 1}});
  const actor sender(here.host);
  std::promise<void> gate;
  receiver.start([&](process& self) { (void)self.blocking_run([&] { gate.get_future().wait(); }); });
  sender.run([&](process& self) { return self.send(receiver.id(), atom("fits")); });
  CHECK(sender.run([&](process& self) { return self.send(receiver.id(), atom("late")); }) ==
        send_status::full);
  gate.set_value();
  CHECK(is_atom(receiver.next(), "fits"));
  receiver.settle();
  CHECK(receiver.waiting() == 0);
}

TEST_CASE("three full mailboxes in a circle resolve themselves") {
  node here(2, system_options{.park = 10 * base::nanos_per_ms});
  std::array<pid, 3> ring;
  std::atomic<int> full{0};
  std::atomic<int> handled{0};
  for (std::size_t i = 0; i < 3; ++i) {
    ring[i] = here.host
                  .spawn({.mailbox = {.messages = 4}}, script([&, i](process& self, message m) {
                           ++handled;
                           if (value_of(m) == 0) return carry_on();
                           for (int n = 0; n < 3; ++n)
                             if (self.send(ring[(i + 1) % 3], number(value_of(m) - 1)) == send_status::full)
                               ++full;
                           return carry_on();
                         }))
                  .value();
  }
  for (const pid& one : ring) here.host.send(one, number(4));
  CHECK(eventually([&] {
    const auto all = here.host.processes();
    return handled > 3 && std::ranges::all_of(all, [](const process_summary& one) {
             return one.messages == 0 && one.status == process_status::waiting;
           });
  }));
}

TEST_CASE("a sender killed while it waits at a full mailbox takes its message with it") {
  node here(1);
  const actor receiver(here.host, {.mailbox = {.messages = 1}});
  const actor first(here.host);
  const actor victim(here.host);
  std::promise<void> gate;
  receiver.start([&](process& self) { (void)self.blocking_run([&] { gate.get_future().wait(); }); });
  first.run([&](process& self) { return self.send(receiver.id(), atom("first")); });
  victim.start([&](process& self) { self.send(receiver.id(), atom("never")); });
  REQUIRE(eventually([&] { return victim.parked(); }));
  here.host.exit(victim.id(), atom("kill"));
  REQUIRE(eventually([&] { return !victim.alive(); }));
  gate.set_value();
  CHECK(is_atom(receiver.next(), "first"));
  receiver.settle();
  CHECK(receiver.waiting() == 0);
}

TEST_CASE("a receiver that dies lets go of those who wait at its mailbox") {
  std::promise<void> gate; // outlives the thread of the pool, which may wait for it late
  node here(1);
  const actor receiver(here.host, {.mailbox = {.messages = 1}});
  const actor sender(here.host);
  receiver.start([&](process& self) { (void)self.blocking_run([&] { gate.get_future().wait(); }); });
  sender.start([&](process& self) {
    self.send(receiver.id(), atom("one"));
    self.send(receiver.id(), atom("two"));
  });
  REQUIRE(eventually([&] { return sender.parked(); }));
  here.host.exit(receiver.id(), atom("kill"));
  sender.settle();
  gate.set_value();
}

TEST_CASE("a mailbox whose policy is to exit ends its process") {
  node here;
  const actor receiver(here.host, {.mailbox = {.messages = 2, .policy = on_full::exit}});
  const actor watcher(here.host);
  watcher.run([&](process& self) { return self.monitor(receiver.id()); });
  std::promise<void> gate;
  std::promise<void> busy;
  receiver.start([&](process&) {
    busy.set_value();
    gate.get_future().wait();
  });
  busy.get_future().wait();
  for (int i = 0; i < 3; ++i) here.host.send(receiver.id(), number(i));
  gate.set_value();
  watcher.next();
  CHECK_FALSE(receiver.alive());
}

TEST_CASE("messages to nobody, and those a dead process leaves, are counted") {
  node here;
  const actor gone(here.host);
  gone.stop(atom("normal"));
  REQUIRE(eventually([&] { return !gone.alive(); }));
  here.host.send(gone.id(), atom("hello"));
  here.host.send(destination::named("nobody"), atom("hello"));
  CHECK(here.host.counters().dead_letters == 2);

  const actor busy(here.host);
  std::promise<void> gate;
  std::promise<void> began;
  busy.start([&](process& self) {
    began.set_value();
    gate.get_future().wait();
    self.exit(self.self(), atom("kill"));
  });
  began.get_future().wait();
  for (int i = 0; i < 10; ++i) here.host.send(busy.id(), number(i));
  gate.set_value();
  CHECK(eventually([&] { return here.host.counters().dead_letters == 12; }));
}

} // namespace coppice::runtime::testing
