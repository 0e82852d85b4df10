// SPDX-License-Identifier: MIT
// What a system does for its users: timers, tasks on workers, aliases, priorities, fairness, inspection,
// idleness and stop; and random races in which no signal and no process may be lost.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "actor.hpp"
#include "base/uv.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/processes/inspection.hpp"

namespace coppice::runtime::testing {

TEST_CASE("timers fire in order, and cancelled ones do not") {
  node here;
  const actor a(here.host);
  a.run([](process& self) {
    const base::nanos now = self.now();
    self.start_timer(now + 30 * base::nanos_per_ms, self.self(), atom("third"));
    self.start_timer(now + 5 * base::nanos_per_ms, self.self(), atom("first"));
    const auto never = self.start_timer(now + 10 * base::nanos_per_ms, self.self(), atom("never"));
    self.start_timer(now + 15 * base::nanos_per_ms, self.self(), atom("second"));
    CHECK(self.remaining(never) > 0);
    CHECK(self.cancel_timer(never) > 0);
    CHECK(self.cancel_timer(never) == -1);
    return 0;
  });
  CHECK(is_atom(a.next(), "first"));
  CHECK(is_atom(a.next(), "second"));
  CHECK(is_atom(a.next(), "third"));
  a.settle();
  CHECK(a.waiting() == 0);
}

TEST_CASE("a timer for a name finds who has it when it fires, and for a dead pid nobody") {
  node here;
  const actor a(here.host);
  const actor gone(here.host);
  a.run([&](process& self) {
    self.start_timer(self.now() + 5 * base::nanos_per_ms, gone.id(), atom("lost"));
    self.start_timer(self.now() + 300 * base::nanos_per_ms, destination::named("later"), atom("found"));
    return 0;
  });
  gone.stop(atom("normal"));
  const actor later(here.host, {.name = "later"});
  CHECK(is_atom(later.next(), "found"));
}

namespace {

std::uint64_t timers_armed(const system& host) {
  std::uint64_t sum = 0;
  for (const worker_info& one : host.counters().workers) sum += one.timers;
  return sum;
}

} // namespace

TEST_CASE("a process's timers end with it") {
  node here;
  const actor other(here.host);
  const actor a(here.host);
  const std::uint64_t before = timers_armed(here.host);
  a.run([&](process& self) {
    const base::nanos hour = 3600 * base::nanos_per_second;
    for (int i = 0; i < 100; ++i) self.start_timer(self.now() + hour, self.self(), atom("never"));
    for (int i = 0; i < 100; ++i) self.start_timer(self.now() + hour, other.id(), atom("never"));
    return 0;
  });
  CHECK(timers_armed(here.host) == before + 200);
  a.stop(atom("normal"));
  CHECK(eventually([&] { return timers_armed(here.host) == before; }));
}

TEST_CASE("only who started a timer can cancel it or see the time it has left") {
  node here(1);
  const actor a(here.host);
  const actor b(here.host);
  const std::uint64_t id = a.run([](process& self) {
    return self.start_timer(self.now() + 3600 * base::nanos_per_second, self.self(), atom("never"));
  });
  CHECK(b.run([&](process& self) { return self.remaining(id) == -1 && self.cancel_timer(id) == -1; }));
  CHECK(a.run([&](process& self) { return self.remaining(id) > 0 && self.cancel_timer(id) > 0; }));
}

TEST_CASE("an alias takes messages until it is switched off, or one when made so") {
  node here;
  const actor a(here.host);
  const reference many = a.run([](process& self) { return self.make_alias(); });
  const reference once = a.run([](process& self) { return self.make_alias(true); });
  for (int i = 0; i < 2; ++i) {
    here.host.send(destination::alias(many), atom("many"));
    here.host.send(destination::alias(once), atom("once"));
  }
  for (const char* expected : {"many", "once", "many"}) CHECK(is_atom(a.next(), expected));
  CHECK(a.run([&](process& self) { return self.unalias(many) && !self.unalias(many); }));
  here.host.send(destination::alias(many), atom("many"));
  a.settle();
  CHECK(a.waiting() == 0);
  CHECK(here.host.counters().dead_letters == 2);
}

TEST_CASE("a request's answer or end arrives as a message, and only one of the two") {
  node here;
  const actor asker(here.host);
  const actor answering(here.host);
  const actor ending(here.host);
  const auto refs = asker.run([&](process& self) {
    const auto request = [&](const actor& of) {
      return self.monitor(of.id(), {.alias = alias_until::reply});
    };
    return std::pair(request(answering), request(ending));
  });
  answering.settle();
  here.host.send(destination::alias(refs.first), atom("answer"));
  CHECK(is_atom(asker.next(), "answer"));
  answering.stop(atom("normal"));
  ending.stop(atom("why"));
  CHECK(asker.next() == down_message(refs.second, ending.id(), atom("why"), here.host.nodes()));
  here.host.send(destination::alias(refs.second), atom("too late"));
  asker.settle();
  CHECK(asker.waiting() == 0);
}

TEST_CASE("tasks run on the worker they are posted to, not below its loop") {
  node here;
  for (unsigned index = 0; index < here.host.workers(); ++index) {
    std::promise<int> seen;
    REQUIRE(here.host.post(index, [&] { seen.set_value(here.host.current_worker()); }));
    CHECK(seen.get_future().get() == static_cast<int>(index));
  }
  CHECK(here.host.current_worker() == -1);
}

TEST_CASE("what a callback of the loop sends right before the worker sleeps is handled") {
  node here(1);
  const actor receiver(here.host);
  std::unique_ptr<base::uv::prepare> last; // its callback runs right before the loop waits
  REQUIRE(here.host.post(0, [&] {
    last = std::make_unique<base::uv::prepare>(here.host.loop(0), [&] {
      if (!here.host.counters().workers[0].sleeping) return;
      last->stop();
      here.host.send(receiver.id(), atom("late"));
    });
    last->start();
  }));
  CHECK(is_atom(receiver.next(), "late"));
  std::promise<void> closed;
  REQUIRE(here.host.post(0, [&] {
    last.reset();
    closed.set_value();
  }));
  closed.get_future().wait();
}

TEST_CASE("a busy process lets the others of its worker run") {
  std::atomic<bool> go_on{true};
  node here(1);
  const pid busy = here.host
                       .spawn({}, script([&](process& self, message m) {
                                if (go_on) self.send(self.self(), m);
                                return carry_on();
                              }))
                       .value();
  for (int i = 0; i < 100; ++i) here.host.send(busy, number(i));
  const actor other(here.host);
  for (int i = 0; i < 100; ++i) other.settle();
  go_on = false;
  CHECK(eventually([&] { return here.host.info(busy)->summary.messages == 0; }));
}

TEST_CASE("a process that yields goes to the back") {
  node here(1);
  const actor a(here.host);
  const actor b(here.host);
  std::atomic<bool> done{false};
  a.start([&](process& self) {
    while (!done) self.yield();
  });
  for (int i = 0; i < 10; ++i) b.settle();
  done = true;
  a.settle();
}

TEST_CASE("urgent processes run before others, and low ones still run") {
  node here(1);
  std::vector<std::string> order;
  std::promise<void> all;
  const actor gate(here.host, {.priority = priority::max});
  std::promise<void> began;
  std::promise<void> open;
  gate.start([&](process&) {
    began.set_value();
    open.get_future().wait();
  });
  began.get_future().wait();
  const auto add = [&](const char* name, priority of) {
    const auto made = here.host.spawn({.priority = of}, script([&, name](process&, message) {
                                        order.emplace_back(name);
                                        if (order.size() == 5) all.set_value();
                                        return carry_on();
                                      }));
    here.host.send(*made, atom("go"));
  };
  add("low", priority::low);
  add("normal 1", priority::normal);
  add("normal 2", priority::normal);
  add("high", priority::high);
  add("max", priority::max);
  open.set_value();
  all.get_future().wait();
  CHECK(order == std::vector<std::string>{"max", "high", "normal 1", "normal 2", "low"});
}

TEST_CASE("an idle node burns no CPU") {
  if (std::getenv("LD_PRELOAD") != nullptr) {
    std::puts("SKIP an idle node burns no CPU: what is loaded into this program has threads of its own");
    return;
  }
  node here;
  const actor a(here.host);
  a.settle();
  REQUIRE(eventually([&] {
    const auto all = here.host.counters().workers;
    return std::ranges::all_of(all, [](const worker_info& one) { return one.sleeping; });
  }));
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const auto switches = [](const rusage& use) { return use.ru_nvcsw + use.ru_nivcsw; };
  coppice::test::pause(std::chrono::milliseconds(200)); // the test measures this span of time
  getrusage(RUSAGE_SELF, &after);
  CHECK(switches(after) - switches(before) < 20);
  const auto spent = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1'000'000 + after.ru_utime.tv_usec -
                     before.ru_utime.tv_usec;
  CHECK(spent < 20'000);
}

TEST_CASE("what inspection shows of a process") {
  node here;
  const actor parent(here.host, {.label = "app/sup"});
  const pid child = parent.run([&](process& self) {
    return self
        .spawn({.name = "child", .label = "app/sup/child", .link = true, .priority = priority::high},
               script({}))
        .value();
  });
  REQUIRE(eventually([&] { return here.host.info(child)->summary.status == process_status::waiting; }));
  const process_info seen = here.host.info("child").value();
  CHECK(seen.summary.pid == child);
  CHECK(seen.summary.name == "child");
  CHECK(seen.summary.label == "app/sup/child");
  CHECK(seen.summary.is.behaviour == "scripted");
  CHECK(seen.parent == parent.id());
  CHECK(seen.links == std::vector<pid>{parent.id()});
  CHECK(seen.priority == priority::high);
  CHECK(here.host.processes().size() == 2);
  CHECK(here.host.counters().processes == 2);
  CHECK_FALSE(here.host.info("nobody").has_value());
}

TEST_CASE("a process that changes its label keeps its path, of whatever length both are") {
  node here;
  const std::string path = "app/" + std::string(200, 's') + "/child";
  const actor placed(here.host, {.label = path});
  const actor other(here.host);
  CHECK(here.host.info(placed.id())->path == path);
  CHECK(here.host.info(other.id())->path.empty());
  for (const std::string& label : {std::string("0"), std::string(300, 'l'), std::string("1")}) {
    placed.run([&](process& self) { return self.set_label(label), true; });
    other.run([&](process& self) { return self.set_label(label), true; });
    CHECK(here.host.info(placed.id())->summary.label == label);
    CHECK(here.host.info(placed.id())->path == path);
    CHECK(here.host.info(other.id())->path.empty());
  }
}

TEST_CASE("what a process has done is counted beyond 32 bits") {
  node here(1);
  const actor busy(here.host);
  constexpr std::uint32_t much = 3'000'000'000;
  for (int i = 0; i < 3; ++i) busy.run([](process& self) { return self.reductions(much), true; });
  CHECK(eventually([&] {
    const std::uint64_t done = here.host.info(busy.id())->summary.reductions;
    return done >= std::uint64_t{3} * much && done < std::uint64_t{3} * much + 1000;
  }));
}

TEST_CASE("a pid never finds the process that has its slot later") {
  node here(1, system_options{.processes = 2});
  const actor kept(here.host);
  pid before;
  for (int i = 0; i < 5; ++i) {
    const actor next(here.host);
    CHECK(next.id() != before);
    CHECK_FALSE(here.host.alive(before));
    before = next.id();
    CHECK_FALSE(here.host.spawn({}, script({})));
    next.stop(atom("normal"));
    // The process cannot be found any more before its slot is free.
    REQUIRE(eventually([&] { return !next.alive() && here.host.counters().processes == 1; }));
  }
}

TEST_CASE("stop ends a node with parked processes") {
  auto host = std::make_unique<system>(node::with({}, 2));
  REQUIRE(host->start());
  std::vector<std::unique_ptr<actor>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<actor>(*host));
    all.back()->start([](process& self) { (void)self.await(self.make_ack()); });
  }
  REQUIRE(eventually([&] {
    std::uint64_t parked = 0;
    for (const worker_info& one : host->counters().workers) parked += one.parked;
    return parked == 200;
  }));
  CHECK(host->stop(20 * base::nanos_per_second));
}

TEST_CASE(
    "a process that another thread looks at while the system stops is there until that thread is through") {
  system host(node::with({}, 2));
  REQUIRE(host.start());
  auto mark = std::make_shared<int>();
  const std::weak_ptr<int> kept = mark;
  const auto who = host.spawn(
      {.name = "watched"},
      std::make_unique<scripted>([mark = std::move(mark)](process&, message) { return carry_on(); }));
  REQUIRE(who);
  {
    const delivery::reading valid(host);
    const process_record* const found = delivery::find(host, *who);
    REQUIRE(found != nullptr);
    host.exit(*who, reasons::kill());
    REQUIRE(eventually([&] { return host.counters().processes == 0; }));
    CHECK_FALSE(host.stop(10 * base::nanos_per_ms)); // the system does not end while a thread reads
    CHECK_FALSE(kept.expired());
    CHECK(summarise(*found).name == "watched");
  }
  CHECK(host.stop(std::chrono::nanoseconds(patience).count()));
  CHECK(kept.expired());
}

TEST_CASE("random links, monitors, exits and messages across workers lose no process and no answer") {
  std::atomic<std::uint64_t> downs{0}, ups{0};
  node here(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<pid> all(40);
    const auto member = [&](process& self, message m) {
      std::minstd_rand random(static_cast<unsigned>(value_of(m) + 1));
      if (is_atom(m, "stop")) return stop(atom("normal"));
      for (int i = 0; i < 10; ++i) {
        const pid& other = all[random() % all.size()];
        switch (random() % 7) {
          case 0:
            self.link(other);
            break;
          case 1:
            self.unlink(other);
            break;
          case 2:
            self.demonitor(self.monitor(other), true);
            break;
          case 3:
            self.send(other, number(static_cast<std::int64_t>(random() % 1000)));
            break;
          case 4:
            self.trap_exit(random() % 2 == 0);
            break;
          case 5:
            if (random() % 8 == 0) self.exit(other, atom(random() % 2 == 0 ? "boom" : "kill"));
            break;
          case 6: {
            const reference ref = self.monitor(other, true);
            ++ups;
            if (random() % 2 == 0) self.exit(other, atom("kill"));
            (void)self.await(ref, self.now() + static_cast<base::nanos>(random() % 3) * base::nanos_per_ms);
            ++downs;
            break;
          }
          default:
            break;
        }
        if (self.exiting()) break;
      }
      return random() % 20 == 0 ? stop(atom("boom")) : carry_on();
    };
    for (pid& one : all) one = here.host.spawn({}, script(member)).value();
    for (std::size_t i = 0; i < 400; ++i)
      here.host.send(all[i % all.size()], number(static_cast<std::int64_t>(i)));
    REQUIRE(eventually([&] {
      const auto left = here.host.processes();
      return std::ranges::all_of(left, [](const process_summary& one) { return one.messages == 0; });
    }));
    for (const pid& one : all) here.host.exit(one, atom("kill"));
    REQUIRE(eventually([&] { return here.host.counters().processes == 0; }));
  }
  CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
  // A process killed while it is about to park is gone at once, but the rest of its callback still runs.
  CHECK(eventually([&] { return ups == downs; }));
}

} // namespace coppice::runtime::testing
