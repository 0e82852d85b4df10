// SPDX-License-Identifier: MIT
// Replaces the functions of libc that read a clock or wait with a deadline, in test programs. A definition
// in the program itself takes precedence over libc's, for libuv and libstdc++ too, so this file moves the
// time of all of them. While no clock is held, each function does what libc does, plus the distance that
// earlier held clocks have left. While a clock is held, a wait checks once a millisecond whether the clock
// was moved: nothing in libc can wake an epoll, a poll and a condition variable at once. The functions here
// are all of that kind that `coppiced` imports; the test house/timed-functions compares the list with the
// program.
#include "held_clock.hpp"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>

namespace coppice::test {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t slice = 1'000'000; // real time between two checks of a held clock

std::atomic<bool> held{false};
std::atomic<std::int64_t> stands_at{0};  // monotonic clock while it is held
std::atomic<std::int64_t> ahead{0};      // offset added to the real monotonic clock while it runs
std::atomic<std::int64_t> wall_ahead{0}; // wall time minus monotonic clock, while it is held
std::atomic<unsigned> waits{0};

std::int64_t nanoseconds(const timespec& of) {
  return static_cast<std::int64_t>(of.tv_sec) * second + of.tv_nsec;
}

timespec as_timespec(std::int64_t span) {
  span = std::max<std::int64_t>(span, 0);
  return {static_cast<time_t>(span / second), static_cast<long>(span % second)};
}

// libc's own function, which needs no system call for most clocks: reading the clock stays as cheap as
// without this file. Null before main() has begun: not found yet.
using clock_read = int (*)(clockid_t, timespec*);
const auto libc_clock = reinterpret_cast<clock_read>(dlsym(RTLD_NEXT, "clock_gettime"));

std::int64_t real(clockid_t clock) {
  timespec now{};
  if (libc_clock != nullptr)
    libc_clock(clock, &now);
  else
    syscall(SYS_clock_gettime, clock, &now);
  return nanoseconds(now);
}

std::int64_t monotonic() {
  return held.load() ? stands_at.load() : real(CLOCK_MONOTONIC) + ahead.load();
}

bool is_monotonic(clockid_t clock) {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW ||
         clock == CLOCK_BOOTTIME;
}

// Wall time minus the monotonic clock.
std::int64_t wall_distance() {
  return held.load() ? wall_ahead.load() : real(CLOCK_REALTIME) - real(CLOCK_MONOTONIC);
}

std::int64_t read_clock(clockid_t clock) {
  if (is_monotonic(clock)) return monotonic();
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) return monotonic() + wall_distance();
  // The processor clocks of threads and of the process read the held time too.
  return held.load() ? stands_at.load() : real(clock);
}

class counted_wait {
 public:
  counted_wait() { waits.fetch_add(1); }
  ~counted_wait() { waits.fetch_sub(1); }
};

// Waits until `deadline` on the clock that tests may hold. `look(span)` waits at most `span` nanoseconds of
// real time, and returns whether there is something to report. False: the deadline has passed.
template <class Look>
bool wait_until(std::int64_t deadline, Look&& look) {
  const counted_wait counted;
  for (;;) {
    const std::int64_t left = deadline - monotonic();
    if (look(std::max<std::int64_t>(held.load() ? std::min(left, slice) : left, 0))) return true;
    if (left <= 0) return false;
  }
}

int real_poll(pollfd* all, nfds_t count, std::int64_t most) {
  timespec span = as_timespec(most);
  return static_cast<int>(syscall(SYS_ppoll, all, count, most < 0 ? nullptr : &span, nullptr, 0));
}

int real_epoll(int on, epoll_event* events, int most, int milliseconds, const sigset_t* mask) {
  return static_cast<int>(syscall(SYS_epoll_pwait, on, events, most, milliseconds, mask, 8));
}

int to_milliseconds(std::int64_t span) {
  return static_cast<int>(std::min<std::int64_t>((span + slice - 1) / slice, 1'000'000'000));
}

int sleep_until(std::int64_t deadline) {
  wait_until(deadline, [](std::int64_t most) {
    const timespec span = as_timespec(most);
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &span, nullptr);
    return false;
  });
  return 0;
}

using clock_wait = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);

clock_wait real_clock_wait() {
  static const auto found = reinterpret_cast<clock_wait>(dlsym(RTLD_NEXT, "pthread_cond_clockwait"));
  return found;
}

int wait_on_condition(pthread_cond_t* on, pthread_mutex_t* with, std::int64_t deadline) {
  int told = 0;
  const bool woken = wait_until(deadline, [&](std::int64_t most) {
    const timespec until = as_timespec(real(CLOCK_MONOTONIC) + most);
    told = real_clock_wait()(on, with, CLOCK_MONOTONIC, &until);
    return told != ETIMEDOUT;
  });
  return woken ? told : ETIMEDOUT;
}

} // namespace

held_clock::held_clock() {
  wall_ahead.store(wall_distance());
  stands_at.store(monotonic());
  held.store(true);
}

held_clock::~held_clock() {
  ahead.store(stands_at.load() - real(CLOCK_MONOTONIC));
  held.store(false);
}

void held_clock::advance(std::chrono::nanoseconds by) {
  if (!can_hold_clock()) return pause(std::chrono::ceil<std::chrono::microseconds>(by));
  stands_at.fetch_add(by.count());
}

void held_clock::set_wall(std::chrono::nanoseconds by) {
  wall_ahead.fetch_add(by.count());
}

unsigned held_clock::waiting() {
  return waits.load();
}

bool can_hold_clock() {
#ifdef COPPICE_TESTS_KEEP_THE_CLOCK
  return false;
#else
  return true;
#endif
}

void pause(std::chrono::microseconds real_span) {
  const timespec span = as_timespec(std::chrono::nanoseconds(real_span).count());
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &span, nullptr);
}

std::int64_t real_now() {
  return real(CLOCK_MONOTONIC);
}

} // namespace coppice::test

#ifndef COPPICE_TESTS_KEEP_THE_CLOCK

using namespace coppice::test; // NOLINT: the names below are libc's

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (clock < 0 || is_monotonic(clock) || clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
      clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_PROCESS_CPUTIME_ID) {
    const std::int64_t at = read_clock(clock);
    *now = {static_cast<time_t>(at / second), static_cast<long>(at % second)};
    return 0;
  }
  return static_cast<int>(syscall(SYS_clock_gettime, clock, now));
}

time_t time(time_t* out) noexcept {
  const auto at = static_cast<time_t>(read_clock(CLOCK_REALTIME) / second);
  if (out != nullptr) *out = at;
  return at;
}

int nanosleep(const timespec* span, timespec*) {
  return sleep_until(monotonic() + nanoseconds(*span));
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* span, timespec*) {
  const std::int64_t from = (flags & TIMER_ABSTIME) == 0 ? monotonic()
                            : is_monotonic(clock)        ? 0
                                                         : -wall_distance();
  return sleep_until(from + nanoseconds(*span));
}

int usleep(useconds_t span) {
  return sleep_until(monotonic() + static_cast<std::int64_t>(span) * 1000);
}

int poll(pollfd* all, nfds_t count, int milliseconds) {
  if (milliseconds <= 0) return real_poll(all, count, milliseconds == 0 ? 0 : -1);
  int ready = 0;
  wait_until(monotonic() + static_cast<std::int64_t>(milliseconds) * slice, [&](std::int64_t most) {
    ready = real_poll(all, count, most);
    return ready != 0;
  });
  return ready;
}

int epoll_pwait(int on, epoll_event* events, int most, int milliseconds, const sigset_t* mask) {
  if (milliseconds <= 0) return real_epoll(on, events, most, milliseconds, mask);
  int ready = 0;
  wait_until(monotonic() + static_cast<std::int64_t>(milliseconds) * slice, [&](std::int64_t span) {
    ready = real_epoll(on, events, most, to_milliseconds(span), mask);
    return ready != 0;
  });
  return ready;
}

int epoll_wait(int on, epoll_event* events, int most, int milliseconds) {
  return epoll_pwait(on, events, most, milliseconds, nullptr);
}

int pthread_cond_clockwait(pthread_cond_t* on, pthread_mutex_t* with, clockid_t clock,
                           const timespec* until) {
  return wait_on_condition(on, with, nanoseconds(*until) - (is_monotonic(clock) ? 0 : wall_distance()));
}

int pthread_cond_timedwait(pthread_cond_t* on, pthread_mutex_t* with, const timespec* until) {
  return wait_on_condition(on, with, nanoseconds(*until) - wall_distance());
}

} // extern "C"

#endif
