// SPDX-License-Identifier: MIT
// Exceptions thrown in code that a worker runs. In a turn, an exception ends the process, with the reason
// {exception, Type, What}; in a task, a timer or the pool it ends that piece of work. Each test throws a
// bad_alloc and an exception of an unknown type; the worker goes on.
#include <new>

#include "heard_log.hpp"
#include "runtime/actor.hpp"
#include "runtime/scheduling/blocking_pool.hpp"
#include "runtime/scheduling/timer_wheel.hpp"

namespace coppice::runtime::testing {
namespace {

struct unheard_of {};

[[noreturn]] void throw_one(bool memory) {
  if (memory) throw std::bad_alloc();
  throw unheard_of();
}

std::string_view type_of(bool memory) {
  return memory ? "std::bad_alloc" : "coppice::runtime::testing::(anonymous namespace)::unheard_of";
}

// The type in {'DOWN', _, process, _, {exception, Type, _}}, or in {error, {exception, Type, _}}.
std::string thrown_in(const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::string_view type;
  REQUIRE(at.read_tuple(arity));
  while (--arity > 0) REQUIRE(at.skip());
  REQUIRE(at.read_tuple_of(3));
  REQUIRE(at.read_atom_is("exception"));
  REQUIRE(at.read_atom(type));
  return std::string(type);
}

} // namespace

TEST_CASE("a process that throws ends with what it threw, and its worker serves the others") {
  for (const bool memory : {false, true}) {
    test::heard_log log;
    node on(1);
    const actor watcher(on.host);
    const actor thrower(on.host);
    watcher.run([&](process& self) { return self.monitor(thrower.id()).count; });
    thrower.start([memory](process&) { throw_one(memory); });
    CHECK(thrown_in(watcher.next()) == type_of(memory));
    CHECK(eventually([&] { return !thrower.alive(); }));
    CHECK(log.count(std::string("let an exception out, and ends: ") + std::string(type_of(memory))) == 1);
    watcher.settle();
  }
}

TEST_CASE("one that throws after it waited ends, too") {
  node on(1);
  const actor watcher(on.host);
  const actor thrower(on.host);
  watcher.run([&](process& self) { return self.monitor(thrower.id()).count; });
  thrower.start([](process& self) {
    self.yield();
    (void)self.await(self.make_ack(), base::mono_now() + base::nanos_per_ms);
    throw_one(true);
  });
  CHECK(thrown_in(watcher.next()) == "std::bad_alloc");
}

TEST_CASE("one that throws in its init is told to its starter; one that throws in terminate is gone") {
  for (const bool memory : {false, true}) {
    node on(1);
    const actor starter(on.host);
    const message told = starter.run([memory](process& self) {
      spawn_options options;
      options.ack = self.make_ack();
      const auto ack = options.ack;
      REQUIRE(
          self.spawn(std::move(options), script({}, [memory](process&) -> outcome { throw_one(memory); })));
      return self.await(ack).value();
    });
    CHECK(thrown_in(told) == type_of(memory));
    auto ending = std::make_unique<scripted>([](process&, message) { return stop(reasons::shutdown()); });
    ending->on_terminate = [memory](process&, const message&) { throw_one(memory); };
    const auto id = on.host.spawn({}, std::move(ending)).value();
    starter.run([&](process& self) { return self.monitor(id).count; });
    on.host.send(id, atom("end"));
    CHECK(thrown_in(starter.next()) == type_of(memory));
  }
}

TEST_CASE("a task of a worker that throws ends alone") {
  for (const bool memory : {false, true}) {
    test::heard_log log;
    node on(1);
    std::promise<void> ran;
    REQUIRE(on.host.post(0, [memory] { throw_one(memory); }));
    REQUIRE(on.host.post(0, [&] { ran.set_value(); }));
    CHECK(ran.get_future().wait_for(patience) == std::future_status::ready);
    CHECK(log.count("base: a worker's task, coppice::runtime::testing::") == 1);
  }
}

TEST_CASE("a timer that throws ends alone, and those due with it fire") {
  test::heard_log log;
  struct throwing : timer {
    bool memory = false;
  };
  struct counting : timer {
    int fired = 0;
  };
  timer_wheel wheel(0);
  throwing first, second;
  counting last;
  second.memory = true;
  for (throwing* one : {&first, &second})
    one->fire = [](timer& due) { throw_one(static_cast<throwing&>(due).memory); };
  last.fire = [](timer& due) { ++static_cast<counting&>(due).fired; };
  for (timer* one : {static_cast<timer*>(&first), static_cast<timer*>(&second), static_cast<timer*>(&last)})
    wheel.start(*one, base::nanos_per_ms);
  wheel.advance(10 * base::nanos_per_ms);
  CHECK(last.fired == 1);
  CHECK(log.count("a timer of a worker let an exception out") == 2);
}

TEST_CASE("work of the pool that throws ends alone, and its thread goes on") {
  test::heard_log log;
  blocking_pool pool(1, 10);
  std::promise<void> ran;
  for (const bool memory : {false, true}) REQUIRE(pool.submit([memory] { throw_one(memory); }));
  REQUIRE(pool.submit([&] { ran.set_value(); }));
  CHECK(ran.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(log.count("work on a thread of the pool, coppice::runtime::testing::") == 2);
}

TEST_CASE("what a process has the pool do for it throws in its own turn") {
  for (const bool memory : {false, true}) {
    node on(1);
    const actor watcher(on.host);
    const actor thrower(on.host);
    watcher.run([&](process& self) { return self.monitor(thrower.id()).count; });
    thrower.start([memory](process& self) { (void)self.blocking_run([memory] { throw_one(memory); }); });
    CHECK(thrown_in(watcher.next()) == type_of(memory));
    const actor catching(on.host);
    CHECK(catching.run([memory](process& self) {
      try {
        (void)self.blocking_run([memory] { throw_one(memory); });
      } catch (...) {
        return true;
      }
      return false;
    }));
  }
}

} // namespace coppice::runtime::testing
