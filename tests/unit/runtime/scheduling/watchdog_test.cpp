// SPDX-License-Identifier: MIT
// Handlers that hold their thread: they are named and counted, and their worker goes on with another thread.
// In most tests a handler is stuck until the test opens a gate, so the result does not depend on its
// duration.
#include "runtime/scheduling/watchdog.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <stdexcept>

#include "base/file.hpp"
#include "base/uv.hpp"
#include "heard_log.hpp"
#include "runtime/actor.hpp"
#include "runtime/loop_work.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;

// A process that handles each message in foreign code, by calling `callback`.
pid foreign(system& host, std::function<void(process&, const message&)> callback,
            spawn_options options = {}) {
  return host
      .spawn(std::move(options), script([callback = std::move(callback)](process& self, message m) {
               {
                 const foreign_code outside(self, "handle_info", m.bytes());
                 callback(self, m);
               }
               return carry_on();
             }))
      .value();
}

struct gate {
  void open() { promise.set_value(); }
  void pass() { future.wait(); }
  std::promise<void> promise;
  std::shared_future<void> future{promise.get_future().share()};
};

// The kernel's id of the thread. A compiler may treat std::this_thread::get_id() as a constant of the
// function.
long thread_id() {
  return syscall(SYS_gettid);
}

system_options quick() {
  return {.watchdog = 2 * ms};
}

} // namespace

TEST_CASE("how long a worker is held can be seen, and that it is not while it sleeps") {
  node here(1);
  gate door;
  const auto held = [&] { return here.host.counters().workers.at(0).held; };
  REQUIRE(here.host.post(0, [&] { door.pass(); }));
  CHECK(eventually([&] { return held() > 20 * ms; }));
  door.open();
  CHECK(eventually([&] { return here.host.counters().workers.at(0).sleeping && held() == 0; }));
}

TEST_CASE("a process that throws when it is described is told of once, and its worker and the others go on") {
  struct unheard_of {};
  class nameless final : public behaviour {
   public:
    nameless(gate& door, std::atomic<bool>& throws, bool memory)
        : door_(door), throws_(throws), memory_(memory) {}
    outcome init(process&) override { return carry_on(); }
    outcome receive(process& self, message m) override {
      const foreign_code outside(self, "handle_info", m.bytes());
      throws_ = true;
      door_.pass();
      throws_ = false;
      return carry_on();
    }
    void describe(description&) const override {
      if (throws_ && memory_) throw std::bad_alloc();
      if (throws_) throw unheard_of();
    }

   private:
    gate& door_;
    std::atomic<bool>& throws_;
    bool memory_;
  };
  for (const bool memory : {false, true}) {
    CAPTURE(memory);
    test::heard_log log;
    gate door;
    std::atomic<bool> throws = false;
    node here(2, quick());
    spawn_options first, second;
    first.worker = 0;
    second.worker = 1;
    const pid stuck =
        here.host.spawn(std::move(first), std::make_unique<nameless>(door, throws, memory)).value();
    const pid other = foreign(
        here.host, [&](process&, const message&) { door.pass(); }, std::move(second));
    here.host.send(stuck, atom("hold"));
    here.host.send(other, atom("hold"));
    CHECK(eventually([&] { return here.host.counters().stuck_threads == 2; }));
    CHECK(eventually([&] { return here.host.counters().slow_handlers >= 1; }));
    CHECK(log.count("the watchdog let an exception out") == 1);
    door.open();
    CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
  }
}

TEST_CASE("a worker whose thread is stuck in a handler goes on with another thread") {
  gate door;
  std::promise<long> before, after;
  std::promise<int> worker_after;
  node here(1, quick());
  const pid stuck = foreign(here.host, [&](process& self, const message& m) {
    if (is_atom(m, "hold")) {
      before.set_value(thread_id());
      door.pass();
      const host_code ours(&self);
      after.set_value(thread_id());
      worker_after.set_value(self.host().current_worker());
      CHECK(system::current_process() == &self);
    }
  });
  const actor other(here.host);
  here.host.send(stuck, atom("hold"));
  const auto first = before.get_future().get();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));

  // Actors, timers and tasks of the only worker go on.
  const auto second = other.run([](process&) { return thread_id(); });
  CHECK(second != first);
  other.run([](process& self) { return self.start_timer(self.now() + ms, self.self(), atom("tick")); });
  CHECK(is_atom(other.next(), "tick"));
  std::promise<int> task;
  REQUIRE(here.host.post(0, [&] { task.set_value(here.host.current_worker()); }));
  CHECK(task.get_future().get() == 0);
  CHECK(here.host.counters().slow_handlers >= 1);
  CHECK(here.host.counters().taken_over >= 1);
  CHECK(here.host.alive(stuck));
  here.host.send(stuck, atom("late"));
  other.settle(); // so the message has reached it
  CHECK(here.host.info(stuck)->summary.status == process_status::running);

  door.open();
  CHECK(after.get_future().get() != first);
  CHECK(worker_after.get_future().get() == 0);
  CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
}

TEST_CASE("what waited for a stuck handler is handled after it, in order, by a process that is whole") {
  gate door;
  std::vector<std::int64_t> handled;
  std::promise<void> began, all;
  node here(1, quick());
  const pid stuck = foreign(here.host, [&](process&, const message& m) {
    if (value_of(m) == 0) {
      began.set_value();
      door.pass();
    }
    handled.push_back(value_of(m));
    if (value_of(m) == 99) all.set_value();
  });
  here.host.send(stuck, number(0));
  began.get_future().wait();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  const actor sender(here.host);
  sender.run([&](process& self) {
    for (int i = 1; i < 100; ++i) self.send(stuck, number(i));
    return 0;
  });
  door.open();
  all.get_future().wait();
  for (std::int64_t i = 0; i < 100; ++i) CHECK(handled[static_cast<std::size_t>(i)] == i);
}

TEST_CASE(
    "a process killed while its handler is stuck is dead to others at once, and unwinds when it returns") {
  gate door;
  std::promise<void> began;
  std::promise<bool> exiting;
  node here(1, quick());
  const pid stuck = foreign(here.host, [&](process& self, const message&) {
    began.set_value();
    door.pass();
    const host_code ours(&self);
    exiting.set_value(self.exiting() && self.send(self.self(), atom("never")) == send_status::ok);
  });
  const actor watcher(here.host);
  watcher.run([&](process& self) { return self.monitor(stuck); });
  here.host.send(stuck, atom("hold"));
  began.get_future().wait();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  here.host.exit(stuck, atom("kill"));
  watcher.next();
  CHECK_FALSE(here.host.alive(stuck));
  CHECK(here.host.counters().lingering == 1);
  door.open();
  CHECK(exiting.get_future().get());
  CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
}

TEST_CASE("an exception passes a border that the thread changed at") {
  gate door;
  std::promise<void> began;
  std::promise<std::string> caught;
  node here(1, quick());
  const pid stuck = here.host
                        .spawn({}, script([&](process& self, message m) {
                                 try {
                                   const foreign_code outside(self, "handle_info", m.bytes());
                                   began.set_value();
                                   try {
                                     throw std::runtime_error("inner");
                                   } catch (const std::exception&) {
                                     door.pass();
                                     { const host_code ours(&self); }
                                     throw;
                                   }
                                 } catch (const std::exception& error) {
                                   caught.set_value(error.what());
                                 }
                                 return carry_on();
                               }))
                        .value();
  here.host.send(stuck, atom("throw"));
  began.get_future().wait();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  door.open();
  CHECK(caught.get_future().get() == "inner");
  CHECK(std::uncaught_exceptions() == 0);
}

TEST_CASE("calls that were parked on the worker come back on its new thread") {
  gate door;
  std::promise<void> began;
  node here(1, quick());
  const actor callee(here.host);
  const actor caller(here.host);
  std::promise<bool> answered;
  std::promise<reference> asked;
  caller.start([&](process& self) {
    const reference ref = self.make_ack();
    asked.set_value(ref);
    answered.set_value(self.await(ref).has_value());
  });
  const reference ref = asked.get_future().get();
  REQUIRE(eventually([&] { return caller.parked(); }));
  const pid stuck = foreign(here.host, [&](process&, const message&) {
    began.set_value();
    door.pass();
  });
  here.host.send(stuck, atom("hold"));
  began.get_future().wait();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  callee.run([&](process& self) { return self.answer(ref, atom("answer")), 0; });
  CHECK(answered.get_future().get());
  door.open();
}

TEST_CASE("several handlers may be stuck at once, and each comes back") {
  constexpr unsigned many = 8;
  gate door;
  std::atomic<unsigned> held{0}, back{0};
  node here(1, quick());
  for (unsigned i = 0; i < many; ++i) {
    const pid stuck = foreign(here.host, [&](process& self, const message&) {
      ++held;
      door.pass();
      const host_code ours(&self);
      self.send(self.self(), atom("again")); // the handler of this message passes the open gate at once
      ++back;
    });
    here.host.send(stuck, atom("hold"));
  }
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == many; }));
  CHECK(held == many);
  door.open();
  CHECK(eventually([&] { return back >= 2 * many; }));
  CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
}

TEST_CASE("a handler in code of ours is named, and keeps its worker") {
  gate door;
  std::promise<void> began;
  node here(1, quick());
  const actor busy(here.host);
  busy.start([&](process&) {
    began.set_value();
    door.pass();
  });
  began.get_future().wait();
  CHECK(eventually([&] { return here.host.counters().slow_handlers >= 1; }));
  CHECK(here.host.counters().taken_over == 0);
  door.open();
  busy.settle();
}

TEST_CASE(
    "work that is no process's turn is named and counted while it goes on, and told of when it is over") {
  test::heard_log log;
  gate door;
  node here(1, quick());
  REQUIRE(here.host.post(0, [&] { door.pass(); }));
  CHECK(eventually([&] { return here.host.counters().slow_handlers >= 1; }));
  CHECK(eventually([&] {
    return log.count("work outside of processes, such as on connections, has held worker 0 for") >= 1;
  }));
  // The time in which the thread waits for a processor does not count, so it has to be held for much longer
  // than it may.
  CHECK(eventually([&] { return here.host.counters().workers.at(0).held > 100 * quick().watchdog; }));
  door.open();
  CHECK(eventually([&] { return log.count("work outside of processes has let go of worker 0 after") >= 1; }));
  CHECK(here.host.counters().taken_over == 0);
  CHECK(here.host.counters().workers.at(0).longest >= 2 * ms);
}

TEST_CASE("a callback of a sleeping worker's loop is told of, with the node whose connection it is for") {
  test::heard_log log;
  node here(1, quick());
  const auto peer = here.host.nodes().intern("x@127.0.0.1");
  REQUIRE(peer);
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  const base::unique_fd ours(ends[0]), theirs(ends[1]);
  base::uv::poll readable;
  // Runs for five times as long as it may, however long the machine keeps it from running.
  const auto works = [&](int, int) {
    const loop_work named(*peer);
    const thread_clock mine;
    const base::nanos ran = mine.read().ran;
    char taken[4096];
    CHECK(::read(theirs.get(), taken, sizeof taken) > 0);
    while (mine.read().ran - ran < 10 * ms) {
    }
  };
  std::promise<void> opened, closed;
  REQUIRE(here.host.post(0, [&] {
    readable = *base::uv::poll::make(here.host.loop(0), theirs.get(), works);
    CHECK(readable.start(UV_READABLE));
    opened.set_value();
  }));
  opened.get_future().get();
  CHECK(eventually([&] {
    // The socket is full if the worker gets no processor for long.
    CHECK((::write(ours.get(), "x", 1) == 1 || errno == EAGAIN));
    return here.host.counters().slow_handlers >= 1;
  }));
  CHECK(eventually([&] { return log.count("the connection of x@127.0.0.1 has held worker 0 for") >= 1; }));
  CHECK(eventually([&] { return here.host.counters().workers.at(0).longest >= 2 * ms; }));
  REQUIRE(here.host.post(0, [&] {
    readable.close();
    closed.set_value();
  }));
  closed.get_future().get();
}

TEST_CASE("other threads and other processes have no turn to come back to") {
  node here(1);
  const actor a(here.host);
  const actor b(here.host);
  process* first = a.run([](process& self) { return &self; });
  CHECK_FALSE(bool(host_code(first)));
  CHECK_FALSE(b.run([&](process& self) { return bool(host_code(first)) || !bool(host_code(&self)); }));
  CHECK_FALSE(bool(host_code(nullptr)));
}

TEST_CASE("handlers that come and go at the limit lose nothing, whoever wins") {
  constexpr int rounds = 3000;
  std::atomic<int> done{0};
  std::atomic<bool> wrong{false};
  node here(2, system_options{.watchdog = ms});
  std::vector<pid> ring(8);
  for (std::size_t i = 0; i < ring.size(); ++i) {
    ring[i] = foreign(here.host,
                      [&, i](process& self, const message& m) {
                        // Mostly short; now and then between one and three limits long.
                        const auto until =
                            base::mono_now() + (value_of(m) % 50 == 0 ? (value_of(m) % 3 + 1) * ms : 0);
                        while (base::mono_now() < until) {
                          const host_code ours(&self);
                          if (!ours || system::current_process() != &self) wrong = true;
                        }
                        const host_code ours(&self);
                        if (value_of(m) != 0) self.send(ring[(i + 1) % ring.size()], number(value_of(m) - 1));
                        ++done;
                      },
                      {.worker = static_cast<int>(i % 2)});
  }
  for (const pid& one : ring) here.host.send(one, number(rounds / 8));
  CHECK(eventually([&] { return done == (rounds / 8 + 1) * 8; }));
  CHECK_FALSE(wrong);
  CHECK(eventually([&] { return here.host.counters().stuck_threads == 0; }));
}

TEST_CASE("a process in a stuck handler counts as parked, on the worker it moves to, until it is back") {
  gate door;
  std::promise<void> began;
  node here(2, quick());
  const actor spawner(here.host, {.worker = 0});
  const actor other(here.host, {.worker = 1});
  const auto parked = [&](std::size_t worker) { return here.host.counters().workers[worker].parked; };
  const pid stuck = spawner.run([&](process& self) {
    return self
        .spawn({}, script([&](process& own, message m) {
                 const foreign_code outside(own, "handle_info", m.bytes());
                 if (!is_atom(m, "hold")) return carry_on();
                 began.set_value();
                 door.pass();
                 return carry_on();
               }))
        .value();
  });
  here.host.send(stuck, atom("hold"));
  began.get_future().wait();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  CHECK(parked(0) == 1);
  // A process whose worker sleeps moves to the worker of the process that sends to it.
  REQUIRE(eventually([&] {
    if (!here.host.counters().workers[0].sleeping) return false;
    other.run([&](process& self) { return self.send(stuck, atom("late")); });
    return here.host.info(stuck)->summary.worker == 1;
  }));
  CHECK(parked(0) == 0);
  CHECK(parked(1) == 1);
  door.open();
  CHECK(eventually([&] { return parked(0) == 0 && parked(1) == 0; }));
}

// The watchdog finds processes by what a worker runs, other threads find them by the table. A process has to
// be gone from both before its ticket for reclamation is drawn. A slow handler is described after its process
// has ended.
TEST_CASE("a process that is to be freed is not found as the one its worker runs") {
  struct described : scripted {
    explicit described(std::atomic<int>& found)
        : scripted([](process&, const message&) {
            const auto until = base::mono_now() + 9 * ms / 4;
            while (base::mono_now() < until) {
            }
            return stop(atom("normal"));
          }),
          still_running(found) {
      on_terminate = [this](process&, const message&) { is_over = true; };
    }
    void describe(description& out) const override {
      scripted::describe(out);
      // A process is also described in a measured turn, after its handler.
      if (const worker* here = worker::current(); here != nullptr && is_over)
        still_running = here->running() != nullptr ? 1 : 0;
    }
    std::atomic<int>& still_running;
    bool is_over = false; // only for its worker's thread
  };
  std::atomic<int> still_running{-1}; // -1: it was not described on a worker
  node here(1, quick());
  // Whether the worker or the watchdog notices the slow handler is random.
  REQUIRE(eventually([&] {
    const pid slow = here.host.spawn({}, std::make_unique<described>(still_running)).value();
    here.host.send(slow, atom("go"));
    CHECK(eventually([&] { return !here.host.alive(slow); }));
    (void)eventually([&] { return here.host.counters().workers[0].held == 0; });
    return still_running != -1;
  }));
  CHECK(still_running == 0);
}

} // namespace coppice::runtime::testing
