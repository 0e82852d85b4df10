// SPDX-License-Identifier: MIT
// Clocks and sleeps. Reading a clock costs a little time, so that a loop that waits for a time ends. A
// thread's processor time is the simulated time that passed while it ran.
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <ctime>

#include <cerrno>

#include "machine.hpp"
#include "real.hpp"
#include "threads.hpp"
#include "waits.hpp"

namespace coppice::simulated {
namespace {

constexpr clockid_t first_of_thread = -1000;

nanos read_clock(clockid_t clock) {
  if (clock <= first_of_thread) {
    const thread* const one = thread_at(static_cast<std::size_t>(first_of_thread - clock));
    return one == nullptr ? 0 : one->ran;
  }
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      return now() + wall_distance();
    case CLOCK_THREAD_CPUTIME_ID:
      return current()->ran;
    default:
      return now();
  }
}

} // namespace

nanos to_nanos(const timespec& of) {
  return static_cast<nanos>(of.tv_sec) * second + of.tv_nsec;
}

nanos on_monotonic(clockid_t clock, nanos time) {
  return clock == CLOCK_REALTIME ? time - wall_distance() : time;
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int clock_gettime(clockid_t clock, timespec* into) noexcept {
  if (current() == nullptr) return static_cast<int>(kernel(SYS_clock_gettime, clock, as_long(into)));
  point();
  if (reads_real_clock()) return static_cast<int>(kernel(SYS_clock_gettime, clock, as_long(into)));
  const nanos at = read_clock(clock);
  *into = {static_cast<time_t>(at / second), static_cast<long>(at % second)};
  return 0;
}

int clock_getres(clockid_t, timespec* into) noexcept {
  if (into != nullptr) *into = {0, 1};
  return 0;
}

int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *into = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* span, timespec* left) {
  if (current() == nullptr)
    return static_cast<int>(kernel(SYS_clock_nanosleep, clock, flags, as_long(span), as_long(left)));
  const bool absolute = (flags & TIMER_ABSTIME) != 0;
  wait(nullptr, absolute ? on_monotonic(clock, to_nanos(*span)) : now() + to_nanos(*span));
  return 0;
}

int nanosleep(const timespec* span, timespec* left) {
  return clock_nanosleep(CLOCK_MONOTONIC, 0, span, left);
}

int usleep(useconds_t span) {
  const timespec length{static_cast<time_t>(span / 1'000'000), static_cast<long>(span % 1'000'000) * 1000};
  return nanosleep(&length, nullptr);
}

unsigned sleep(unsigned seconds) {
  const timespec length{static_cast<time_t>(seconds), 0};
  nanosleep(&length, nullptr);
  return 0;
}

} // extern "C"
