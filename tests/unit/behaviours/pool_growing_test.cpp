// SPDX-License-Identifier: MIT
// Tests of a pool that grows while requests wait, up to its max, and shrinks when workers had nothing to do.
#include "held_clock.hpp"
#include "pool_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::pool_testing;

namespace {

constexpr base::nanos for_ever = 3600 * base::nanos_per_second;

pool_spec growing(std::uint32_t max, base::nanos idle = for_ever) {
  pool_spec out;
  out.max = max;
  out.idle = idle;
  out.queue_wait = for_ever;
  return out;
}

std::string adopt(pool_host& host, const pool_spec& options, std::uint32_t size) {
  return host.run([&](runtime::process& self) {
    const auto order = host.orders.add(pool_host::order(options, size));
    return test::text(gen::call(self, workers, order, base::mono_now() + patience).value_or(message()));
  });
}

// Makes `count` workers hold one request each.
void hold(pool_host& host, int count) {
  for (int i = 0; i < count; ++i) host.ask("x", "hold");
  CHECK(host.book.take(static_cast<std::size_t>(count)).size() == static_cast<std::size_t>(count));
}

void release(pool_host& host, std::uint32_t workers_now) {
  for (std::uint32_t number = 1; number <= workers_now; ++number) host.tell_worker(number, "release");
  CHECK(host.book.take(workers_now).size() == workers_now);
}

} // namespace

TEST_CASE("requests that wait bring workers, as many as they need, up to max") {
  pool_host host;
  host.start(growing(9), 2);
  hold(host, 2);
  CHECK(host.report()["size"] == 2);
  hold(host, 7);
  auto now = host.report();
  CHECK(now["size"] == 9);
  CHECK(now["grown"] == 7);
  CHECK(now["max"] == 9);
  CHECK(test::children_of(host, workers)->size() == 9);
  host.ask("late", "hold");
  host.until("queued", 1);
  now = host.report();
  CHECK(now["size"] == 9);
  CHECK(now["held"] == 9);
  host.tell_worker(9, "release");
  CHECK(sorted(host.book.take(2)) == lines{"hold 9", "x {released,9}"});
}

TEST_CASE("a pool has no more workers than requests need") {
  pool_host host;
  pool_spec options = growing(100);
  options.in_flight = 4;
  host.start(options, 1);
  hold(host, 5);
  CHECK(host.report()["size"] == 2);
}

TEST_CASE("workers that have nothing to do go, down to the size") {
  pool_host host;
  host.start(growing(6, 20 * base::nanos_per_ms), 2);
  hold(host, 6);
  CHECK(host.report()["size"] == 6);
  release(host, 6);
  host.until("shrunk", 4);
  CHECK(host.report()["size"] == 2);
  CHECK(test::children_of(host, workers)->size() == 2);
  hold(host, 6); // the pool grows again
  CHECK(host.report()["grown"] == 8);
}

TEST_CASE("a worker that is not needed any more finishes what it holds, however long, and stays if it is") {
  pool_host host;
  pool_spec options = growing(2, 20 * base::nanos_per_ms);
  options.drain = base::nanos_per_ms;
  host.start(options, 1);
  hold(host, 2);
  host.tell_worker(1, "release");
  CHECK(host.book.take(1) == lines{"x {released,1}"});
  host.until("size", 1);
  CHECK(host.report()["held"] == 1); // held by the second worker
  hold(host, 1);
  host.ask("waits", "hold");
  host.until("size", 2);
  CHECK(host.report()["shrunk"] == 0);
  host.tell_worker(2, "release");
  CHECK(sorted(host.book.take(2)) == lines{"hold 2", "x {released,2}"});
}

TEST_CASE("a worker that does not start does not help: the pool goes on with those it has") {
  pool_host host;
  host.book.failures["2"] = 1'000'000;
  host.start(growing(4), 1);
  host.ask("a", "hold");
  CHECK(host.book.take(1) == lines{"hold 1"});
  host.ask("b", "who");
  host.until("queued", 1);
  host.tell_worker(1, "release"); // its supervisor answers for the pid once it has failed to start worker 2
  CHECK(sorted(host.book.take(2)) == lines{"a {released,1}", "b 1"});
  host.until("size", 1);
  CHECK(host.report()["grown"] == 0);
  CHECK(host.book.failures["2"] == 999'999); // no second attempt follows at once
}

TEST_CASE("another size by hand is the least from then on, also beyond max") {
  pool_host host;
  host.start(growing(3, 20 * base::nanos_per_ms), 1);
  CHECK(host.resize(5) == "ok");
  auto now = host.report();
  CHECK(now["max"] == 5);
  hold(host, 5);
  release(host, 5);
  coppice::test::pause(std::chrono::milliseconds(60)); // no worker is removed meanwhile
  CHECK(host.report()["size"] == 5);
  CHECK(host.resize(2) == "ok");
  hold(host, 3);
  release(host, 3);
  host.until("size", 2);
}

TEST_CASE("another specification: what fits between size and max stays") {
  pool_host host;
  host.start(growing(4), 1);
  hold(host, 4);
  CHECK(adopt(host, growing(8), 2) == "ok");
  CHECK(host.report()["size"] == 4);
  hold(host, 4);
  CHECK(host.report()["size"] == 8);
  release(host, 8);
  CHECK(adopt(host, growing(3), 2) == "ok");
  CHECK(host.report()["size"] == 3);
  pool_spec fixed;
  CHECK(adopt(host, fixed, 2) == "ok");
  auto now = host.report();
  CHECK(now["size"] == 2);
  CHECK(now["max"] == 2);
  hold(host, 2);
  host.ask("waits", "hold");
  host.until("queued", 1);
  CHECK(host.report()["size"] == 2);
}

TEST_CASE("under a load that comes and goes every call is answered") {
  pool_host host;
  host.start(growing(32, 10 * base::nanos_per_ms), 1);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 100; ++i) host.ask("x", "hello");
    const auto answers = host.book.take(100);
    CHECK(std::ranges::count(answers, "x {echo,hello}") == 100);
    if (round % 3 == 0) host.until("size", 1);
  }
}
