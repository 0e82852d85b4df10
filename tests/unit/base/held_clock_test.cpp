// SPDX-License-Identifier: MIT
// The clock that tests hold: each way in which the daemon waits stands still with the clock, and ends when
// the clock is moved past its end.
#include "held_clock.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/promise.hpp"
#include "base/uv.hpp"

namespace coppice::base {
namespace {

using namespace std::chrono_literals;

void until(const std::function<bool()>& holds) {
  while (!holds()) test::pause(100us);
}

// A thread that does not return from `wait` by itself for an hour.
class sleeper {
 public:
  explicit sleeper(const std::function<void()>& wait) : thread_([this, wait] { wait(), ended_ = true; }) {}
  bool ended() const { return ended_; }

 private:
  std::atomic<bool> ended_{false};
  std::jthread thread_;
};

} // namespace

TEST_CASE("a held clock says the same until it is moved, and then what it was moved by" *
          doctest::skip(!test::can_hold_clock())) {
  const nanos before = mono_now();
  nanos at = 0;
  {
    test::held_clock clock;
    at = mono_now();
    CHECK(at >= before);
    const nanos wall = wall_now();
    const auto steady = std::chrono::steady_clock::now();
    test::pause(2ms);
    CHECK(mono_now() == at);
    CHECK(std::chrono::steady_clock::now() == steady);
    clock.advance(1h);
    CHECK(mono_now() == at + 3600 * nanos_per_second);
    CHECK(std::chrono::steady_clock::now() - steady == 1h);
    CHECK(wall_now() - wall >= 3600 * nanos_per_second);
    clock.set_wall(-2h);
    CHECK(wall_now() - wall < -3000 * nanos_per_second);
    CHECK(mono_now() == at + 3600 * nanos_per_second);
  }
  const nanos after = mono_now();
  CHECK(after >= at + 3600 * nanos_per_second);
  until([after] { return mono_now() > after; });
}

TEST_CASE("every way to wait ends when the clock is moved past its end, and not before" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  std::mutex lock;
  std::condition_variable never;
  promise<int> kept;
  std::vector<std::unique_ptr<sleeper>> all;
  const auto add = [&all](const std::function<void()>& wait) {
    all.push_back(std::make_unique<sleeper>(wait));
  };
  add([] { std::this_thread::sleep_for(1h); });
  add([] { ::usleep(999'999); });
  add([] {
    const timespec end{static_cast<time_t>((mono_now() + 3600 * nanos_per_second) / nanos_per_second), 0};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr);
  });
  add([&] {
    std::unique_lock hold(lock);
    CHECK_FALSE(never.wait_for(hold, 1h, [] { return false; }));
  });
  add([&] {
    std::unique_lock hold(lock);
    CHECK_FALSE(never.wait_until(hold, std::chrono::system_clock::now() + 1h, [] { return false; }));
  });
  add([&] { CHECK_FALSE(kept.result().take_within(1h)); });
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  add([&] {
    pollfd wanted{ends[0], POLLIN, 0};
    CHECK(::poll(&wanted, 1, 3'600'000) == 0);
  });
  std::atomic<bool> fired = false;
  add([&] {
    auto on = uv::loop::make().value();
    uv::timer once(on, [&] { fired = true; });
    once.start(1h);
    on.run();
  });
  until([&all] { return test::held_clock::waiting() == all.size(); });
  clock.advance(500ms);
  test::pause(5ms);
  for (const auto& one : all) CHECK_FALSE(one->ended());
  clock.advance(1h);
  for (const auto& one : all) until([&one] { return one->ended(); });
  CHECK(fired);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("what comes ends a wait while the clock stands" * doctest::skip(!test::can_hold_clock())) {
  const test::held_clock clock;
  std::mutex lock;
  std::condition_variable changed;
  bool told = false;
  promise<int> kept;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const sleeper on_condition([&] {
    std::unique_lock hold(lock);
    CHECK(changed.wait_for(hold, 1h, [&told] { return told; }));
  });
  const sleeper on_promise([&] { CHECK(kept.result().take_within(1h) == 7); });
  const sleeper on_poll([&] {
    pollfd wanted{ends[0], POLLIN, 0};
    CHECK(::poll(&wanted, 1, 3'600'000) == 1);
  });
  until([] { return test::held_clock::waiting() == 3; });
  {
    const std::lock_guard hold(lock);
    told = true;
  }
  changed.notify_one();
  kept.give(7);
  REQUIRE(::write(ends[1], "x", 1) == 1);
  for (const sleeper* one : {&on_condition, &on_promise, &on_poll}) until([one] { return one->ended(); });
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a promise that goes without a value ends the wait") {
  auto kept = std::make_unique<promise<int>>();
  auto result = kept->result();
  kept.reset();
  CHECK_FALSE(result.take_within(1h));
}

} // namespace coppice::base
