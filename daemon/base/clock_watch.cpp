// SPDX-License-Identifier: MIT
// Uses a timer of the wall clock that is far in the future: the kernel cancels it when the clock is set
// (timerfd_create(2)). For the loop's thread.
#include "base/clock_watch.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace coppice::base {

namespace {

// In the year 2200 the timer would fire by itself, and be armed again.
constexpr time_t far_away = 7'258'118'400;

} // namespace

result<std::unique_ptr<clock_watch>> clock_watch::make(uv_loop_t* on, std::function<void()> set) {
  unique_fd timer(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer) return fail_errno("a timer of the wall clock", errno);
  std::unique_ptr<clock_watch> made(new clock_watch(std::move(timer), std::move(set)));
  if (auto armed = made->arm(); !armed) return unexpected(std::move(armed.error()));
  auto poll = uv::poll::make(on, made->timer_.get(), [watch = made.get()](int, int) { watch->changed(); });
  if (!poll) return unexpected(std::move(poll.error()));
  made->poll_ = std::move(*poll);
  if (auto started = made->poll_.start(UV_READABLE); !started) return unexpected(std::move(started.error()));
  made->poll_.unref();
  return made;
}

status clock_watch::arm() {
  itimerspec when{};
  when.it_value.tv_sec = far_away;
  constexpr int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  if (timerfd_settime(timer_.get(), flags, &when, nullptr) == 0) return {};
  return fail_errno("a timer of the wall clock", errno);
}

// A read fails with ECANCELED once after each change.
void clock_watch::changed() {
  std::uint64_t times = 0;
  const ssize_t got = ::read(timer_.get(), &times, sizeof times);
  if (got < 0 && errno != ECANCELED) return;
  (void)arm();
  const auto set = set_;
  set();
}

} // namespace coppice::base
