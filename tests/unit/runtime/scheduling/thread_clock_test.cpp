// SPDX-License-Identifier: MIT
// How long a turn has held its thread: tables of readings, and a thread that hardly gets a processor.
#include "runtime/scheduling/thread_clock.hpp"

#include <sched.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include "heard_log.hpp"
#include "runtime/actor.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;

// A processor that this thread may run on.
int any_processor() {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  sched_getaffinity(0, sizeof mine, &mine);
  int one = 0;
  while (one < CPU_SETSIZE - 1 && !CPU_ISSET(one, &mine)) ++one;
  return one;
}

// Keeps the calling thread on one processor from now on. False: the machine does not allow that.
bool pin_to(int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  return sched_setaffinity(0, sizeof one, &one) == 0;
}

} // namespace

TEST_CASE("what a turn has held its thread: what it ran, or all it was blocked for") {
  struct row {
    const char* what;
    thread_clock::reading first, second;
    base::nanos since, held;
  };
  const thread_clock::reading begin{100 * ms, 50 * ms, 30 * ms, false, true};
  const row rows[] = {
      {"it ran all the time", begin, {112 * ms, 62 * ms, 30 * ms, false, true}, 90 * ms, 12 * ms},
      {"it ran a little and waits now", begin, {112 * ms, 51 * ms, 30 * ms, false, true}, 90 * ms, ms},
      {"it waited and runs now", begin, {112 * ms, 55 * ms, 37 * ms, false, true}, 90 * ms, 5 * ms},
      {"it is blocked", begin, {112 * ms, 50 * ms, 30 * ms, true, true}, 90 * ms, 12 * ms},
      {"it waited, ran, is blocked", begin, {112 * ms, 53 * ms, 35 * ms, true, true}, 90 * ms, 7 * ms},
      {"the turn began later", begin, {112 * ms, 62 * ms, 30 * ms, false, true}, 104 * ms, 8 * ms},
      {"others may have run before it", begin, {112 * ms, 54 * ms, 30 * ms, false, true}, 105 * ms, 0},
      {"blocked since it began", begin, {112 * ms, 51 * ms, 30 * ms, true, true}, 105 * ms, 7 * ms},
      {"the kernel does not tell", begin, {112 * ms, 51 * ms, 0, false, false}, 105 * ms, 7 * ms},
  };
  for (const row& one : rows) {
    CAPTURE(one.what);
    CHECK(held_between(one.first, one.second, one.since) == one.held);
  }
}

TEST_CASE("a thread's clock tells running from waiting in a system call") {
  std::promise<void> open;
  std::atomic<const thread_clock*> clock{nullptr};
  std::atomic<bool> run{true};
  std::thread other([&] {
    const thread_clock mine;
    clock = &mine;
    while (run) {
    }
    open.get_future().wait();
  });
  REQUIRE(eventually([&] { return clock.load() != nullptr; }));
  const thread_clock::reading first = clock.load()->read();
  CHECK(first.complete);
  CHECK_FALSE(first.blocked);
  CHECK(eventually([&] { return clock.load()->read().ran - first.ran >= 2 * ms; }));
  run = false;
  CHECK(eventually([&] { return clock.load()->read().blocked; }));
  open.set_value();
  other.join();
}

TEST_CASE("a handler whose thread gets no processor is not taken for stuck, however long it takes") {
  const int processor = any_processor();
  test::heard_log log;
  node here(1, system_options{.watchdog = 10 * ms});
  std::atomic<bool> done{false};
  std::atomic<bool> allowed{true}; // the machine lets a thread be pinned, and come after all others
  std::atomic<bool> was_poor{false};
  const pid poor = here.host
                       .spawn({}, script([&](process& self, message m) {
                                const thread_clock mine;
                                const thread_clock::reading first = mine.read();
                                const foreign_code outside(self, "handle_info", m.bytes());
                                const sched_param none{};
                                cpu_set_t before;
                                sched_getaffinity(0, sizeof before, &before);
                                // Blocks the thread until it has moved. Every other thread that wants to run
                                // goes first then.
                                if (!pin_to(processor) || sched_setscheduler(0, SCHED_IDLE, &none) != 0)
                                  allowed = false;
                                // A wait between the values of one reading would hide time for which the
                                // thread was held. So the waits are those of the reading before.
                                thread_clock::reading now = first;
                                base::nanos held_at_most = 0;
                                do {
                                  const base::nanos waited = now.waited - first.waited;
                                  now = mine.read();
                                  held_at_most = now.wall - first.wall - waited;
                                } while (now.ran - first.ran < 5 * ms &&
                                         (now.wall - first.wall < 150 * ms || held_at_most >= 5 * ms));
                                sched_setscheduler(0, SCHED_OTHER, &none);
                                sched_setaffinity(0, sizeof before, &before);
                                was_poor = now.wall - first.wall >= 150 * ms && held_at_most < 5 * ms;
                                return carry_on();
                              }))
                       .value();
  std::atomic<int> rivals_run{0};
  std::thread rivals[2];
  for (std::thread& one : rivals)
    one = std::thread([&] {
      if (!pin_to(processor)) allowed = false;
      ++rivals_run;
      while (!done) {
      }
    });
  bool is_over = eventually([&] { return rivals_run == 2; });
  // The handler sometimes gets the processor all the same. Then it may be taken for stuck, and tries again.
  std::string request;
  std::uint64_t taken_before = 0;
  for (int round = 1; is_over && allowed && !was_poor && round <= 9; ++round) {
    request = "go" + std::to_string(round); // the log may have earlier rounds, and sums of earlier tests
    taken_before = here.host.counters().taken_over;
    const std::uint64_t turns_before = here.host.info(poor)->summary.reductions;
    here.host.send(poor, atom(request));
    is_over = eventually([&] {
      const process_summary now = here.host.info(poor)->summary;
      return now.reductions > turns_before && now.status == process_status::waiting;
    });
  }
  done = true;
  for (std::thread& one : rivals) one.join();
  REQUIRE(is_over);
  if (!allowed) {
    std::puts("SKIP a handler whose thread gets no processor: no thread may be pinned here, or be idle");
    return;
  }
  REQUIRE(was_poor);
  // Other work of the same thread is judged by the wall clock, so it may have been reported.
  CHECK(log.count("handle_info of " + request) == 0);
  CHECK(here.host.counters().taken_over == taken_before);
}

} // namespace coppice::runtime::testing
