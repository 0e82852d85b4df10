// SPDX-License-Identifier: MIT
// Timers with a period: when they fire, which of their times are left out, and how they end.
#include <array>
#include <memory>

#include "runtime/freezing/freezer.hpp"
#include "runtime/held.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;

std::uint64_t timers_armed(const system& host) {
  std::uint64_t sum = 0;
  for (const worker_info& one : host.counters().workers) sum += one.timers;
  return sum;
}

// Whether the timer fires next at first + N * period, as precisely as two readings of the clock allow.
bool is_on_time(process& self, std::uint64_t id, base::nanos first, base::nanos period) {
  const base::nanos before = base::mono_now();
  const base::nanos left = self.remaining(id);
  const base::nanos latest = base::mono_now() + left;
  const base::nanos next = first + (latest - first) / period * period;
  return left == 0 || next >= before + left;
}

} // namespace

TEST_CASE("a timer with a period fires at its deadline and at each multiple of the period after it") {
  node here;
  const actor a(here.host);
  constexpr base::nanos period = ms + 234'567;
  const base::nanos first = base::mono_now() + 2 * period;
  const auto id =
      a.run([&](process& self) { return self.start_timer(first, self.self(), atom("tick"), period); });
  const message one = a.next();
  CHECK(base::mono_now() >= first);
  for (int i = 1; i < 30; ++i) {
    const message other = a.next();
    CHECK(base::mono_now() >= first + i * period);
    CHECK(other.bytes().data() == one.bytes().data()); // shared, not copied
    CHECK(a.run([&](process& self) { return is_on_time(self, id, first, period); }));
  }
  CHECK(a.run([&](process& self) { return self.remaining(id); }) <= period);
}

TEST_CASE("times that have passed are left out") {
  node here;
  const actor a(here.host);
  constexpr base::nanos period = 30 * ms;
  const base::nanos start = base::mono_now();
  a.run([&](process& self) {
    return self.start_timer(start - 1000 * period - ms, self.self(), atom("tick"), period);
  });
  for (int i = 0; i < 3; ++i) a.next();
  CHECK(base::mono_now() >= start + period); // the second message and the third are a period apart
}

TEST_CASE("a timer cancelled between two times fires no more") {
  node here;
  const actor a(here.host);
  const std::uint64_t before = timers_armed(here.host);
  const auto id =
      a.run([](process& self) { return self.start_timer(self.now() + ms, self.self(), atom("tick"), ms); });
  for (int i = 0; i < 3; ++i) CHECK(is_atom(a.next(), "tick"));
  a.run([&](process& self) {
    CHECK(self.remaining(id) >= 0);
    CHECK(self.cancel_timer(id) >= 0);
    CHECK(self.cancel_timer(id) == -1);
    CHECK(self.remaining(id) == -1);
    self.send(self.self(), atom("cancelled"));
    return self.start_timer(self.now() + 10 * ms, self.self(), atom("end"));
  });
  while (!is_atom(a.next(), "cancelled")) {
  }
  CHECK(is_atom(a.next(), "end"));
  CHECK(timers_armed(here.host) == before);
}

TEST_CASE("a timer that repeats ends with its process") {
  node here;
  const actor a(here.host);
  const actor b(here.host);
  const std::uint64_t before = timers_armed(here.host);
  a.run([&](process& self) { return self.start_timer(self.now() + ms, b.id(), atom("tick"), ms); });
  CHECK(is_atom(b.next(), "tick"));
  a.stop(atom("normal"));
  CHECK(eventually([&] { return timers_armed(here.host) == before; }));
}

TEST_CASE("times that find the mailbox at its bound are left out, whatever is done with messages there") {
  for (const on_full policy : {on_full::park_sender, on_full::drop_new, on_full::drop_old, on_full::exit}) {
    for (const bool by_alias : {false, true}) {
      CAPTURE(static_cast<int>(policy));
      CAPTURE(by_alias);
      node here;
      const actor receiver(here.host, {.mailbox = {.messages = 3, .policy = policy}});
      const actor a(here.host);
      const destination to =
          by_alias ? destination::alias(receiver.run([](process& self) { return self.make_alias(); }))
                   : destination(receiver.id());
      std::promise<void> begun;
      std::promise<void> over;
      receiver.start([&](process& self) {
        begun.set_value();
        (void)self.blocking_run([&] { over.get_future().wait(); });
      });
      begun.get_future().wait();
      here.host.send(receiver.id(), atom("first"));
      const auto id = a.run([&](process& self) {
        const base::nanos soon = self.now() + ms;
        const auto ticks = self.start_timer(soon, to, atom("tick"), ms);
        self.start_timer(soon, self.self(), atom("beat"), ms);
        return ticks;
      });
      for (int i = 0; i < 10; ++i) REQUIRE(is_atom(a.next(), "beat"));
      const auto seen = here.host.info(receiver.id());
      REQUIRE(seen);
      CHECK(seen->summary.messages == 3);
      CHECK(seen->dropped == 0);
      over.set_value();
      CHECK(is_atom(receiver.next(), "first"));
      for (int i = 0; i < 10; ++i) CHECK(is_atom(receiver.next(), "tick"));
      a.run([&](process& self) { return self.cancel_timer(id); });
      receiver.settle();
      CHECK(here.host.info(receiver.id())->summary.messages == 0);
      CHECK(here.host.info(receiver.id())->dropped == 0);
    }
  }
}

TEST_CASE("what comes by way of an alias that is gone leaves no room taken") {
  node here;
  const actor receiver(here.host, {.mailbox = {.messages = 3}});
  const actor a(here.host);
  const reference alias = receiver.run([](process& self) { return self.make_alias(); });
  CHECK(receiver.run([&](process& self) { return self.unalias(alias); }));
  const auto id = a.run([&](process& self) {
    return self.start_timer(self.now() + ms, destination::alias(alias), atom("tick"), ms);
  });
  CHECK(eventually([&] { return here.host.counters().dead_letters > 6; }));
  a.run([&](process& self) { return self.cancel_timer(id); });
  receiver.settle();
  CHECK(receiver.waiting() == 0);
  CHECK(here.host.info(receiver.id())->summary.messages == 0);
}

TEST_CASE("a timer that repeats goes on where nobody is, and finds who comes") {
  node here;
  const actor a(here.host);
  a.run([](process& self) {
    return self.start_timer(self.now() + ms, destination::named("later"), atom("tick"), ms);
  });
  CHECK(eventually([&] { return here.host.counters().dead_letters >= 3; }));
  const actor later(here.host, {.name = "later"});
  for (int i = 0; i < 3; ++i) CHECK(is_atom(later.next(), "tick"));
}

TEST_CASE("a frozen process's timer goes on") {
  node here;
  const actor a(here.host);
  const std::vector<pid> who{a.id()};
  a.run([](process& self) { return self.start_timer(self.now() + ms, self.self(), atom("tick"), ms); });
  CHECK(is_atom(a.next(), "tick"));
  {
    freezer ice(here.host);
    ice.add(who);
    ice.hold([](process&, std::size_t) {});
    REQUIRE(ice.wait(base::mono_now() + 20 * base::nanos_per_second));
    CHECK(eventually([&] { return here.host.info(a.id())->summary.messages >= 3; }));
  }
  for (int i = 0; i < 5; ++i) CHECK(is_atom(a.next(), "tick"));
}

} // namespace coppice::runtime::testing
