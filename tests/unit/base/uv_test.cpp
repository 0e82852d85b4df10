// SPDX-License-Identifier: MIT
// Owning handles of libuv: they leak nothing (a sanitizer checks that), and no callback runs after a handle's
// end.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <thread>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/uv.hpp"

namespace coppice::base::uv {

TEST_CASE("a loop without handles ends at once") {
  auto made = loop::make();
  REQUIRE(made);
  CHECK_FALSE(made->run());
}

TEST_CASE("a timer fires not before its time and not after it is closed") {
  auto on = loop::make().value();
  const nanos begun = mono_now();
  nanos fired = 0;
  timer once(on, [&] { fired = mono_now(); });
  bool wrong = false;
  timer closed(on, [&] { wrong = true; });
  once.start(std::chrono::milliseconds(20));
  closed.start(std::chrono::milliseconds(1));
  closed.close();
  on.run();
  CHECK(fired - begun >= 19 * nanos_per_ms);
  CHECK_FALSE(wrong);
}

TEST_CASE("a handle may be destroyed inside its own callback") {
  auto on = loop::make().value();
  int calls = 0;
  auto self = std::make_unique<timer>();
  auto payload = std::make_unique<int>(7);
  *self = timer(on, [&calls, &self, kept = std::shared_ptr<int>(std::move(payload))] {
    self.reset();
    calls += *kept;
  });
  self->start(std::chrono::milliseconds(0), std::chrono::milliseconds(1));
  on.run();
  CHECK(calls == 7);
}

TEST_CASE("a repeating timer goes on until it is stopped") {
  auto on = loop::make().value();
  int calls = 0;
  timer repeating;
  repeating = timer(on, [&] {
    if (++calls == 3) repeating.stop();
  });
  repeating.start(std::chrono::milliseconds(0), std::chrono::milliseconds(1));
  on.run();
  CHECK(calls == 3);
}

TEST_CASE("another thread wakes the loop") {
  auto on = loop::make().value();
  bool woken = false;
  auto wake = async::make(on, [&] {
                woken = true;
                on.stop();
              }).value();
  std::thread other([&] { wake.send(); });
  on.run();
  other.join();
  CHECK(woken);
}

TEST_CASE("prepare and check run around the wait of every turn") {
  auto on = loop::make().value();
  std::string order;
  prepare before(on.raw(), [&] { order += 'p'; });
  check after(on.raw(), [&] { order += 'c'; });
  before.start();
  after.start();
  on.turn(false);
  before.stop();
  on.turn(false);
  CHECK(order == "pcc");
}

TEST_CASE("a signal arrives as a callback") {
  auto on = loop::make().value();
  int got = 0;
  auto watch = signal::make(on, SIGUSR1, [&](int number) {
                 got = number;
                 on.stop();
               }).value();
  raise(SIGUSR1);
  on.run();
  CHECK(got == SIGUSR1);
}

TEST_CASE("a watched descriptor tells when it is readable") {
  auto on = loop::make().value();
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const unique_fd reader(ends[0]);
  const unique_fd writer(ends[1]);
  int events = 0;
  auto watch = poll::make(on.raw(), reader.get(), [&](int, int seen) {
                 events = seen;
                 on.stop();
               }).value();
  REQUIRE(watch.start(UV_READABLE));
  REQUIRE(write(writer.get(), "x", 1) == 1);
  on.run();
  CHECK(events == UV_READABLE);
}

TEST_CASE("an unreferenced handle does not keep the loop going") {
  auto on = loop::make().value();
  timer background(on, [] {});
  background.start(std::chrono::hours(1));
  background.unref();
  CHECK_FALSE(on.run());
}

TEST_CASE("a moved loop and handle go on working") {
  auto first = loop::make().value();
  bool fired = false;
  timer one(first, [&] { fired = true; });
  loop second = std::move(first);
  timer two = std::move(one);
  CHECK_FALSE(one);
  two.start(std::chrono::milliseconds(0));
  second.run();
  CHECK(fired);
}

} // namespace coppice::base::uv
