// SPDX-License-Identifier: MIT
// The simulated machine's heart: threads of which one runs at a time, a clock that moves only when all of
// them wait or when a reading of it costs something, events that are due at a time, draws from the seed, and
// a hash over everything the seed decided. The files beside this one define functions of libc on it. All of
// it is used by the thread that holds the baton alone, so nothing here is locked.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace coppice::simulated {

using nanos = std::int64_t;
inline constexpr nanos never = INT64_MAX;
inline constexpr nanos microsecond = 1'000;
inline constexpr nanos millisecond = 1'000'000;
inline constexpr nanos second = 1'000'000'000;

// A thread of the product, or of libuv, or the one that runs the workload.
struct thread {
  enum class state : std::uint8_t { ready, waiting, frozen, over };

  unsigned number = 0;
  unsigned host = 0; // 0: of no host, as the workload and libuv's pool are
  state is = state::ready;
  std::atomic<unsigned> baton{0}; // a futex: 1, the thread may run
  std::atomic<unsigned> arrived{0};
  const void* waits_on = nullptr; // null: for the time alone
  nanos deadline = never;
  bool woken = false;
  nanos ran = 0;         // processor time
  unsigned holds = 0;    // locks, and initialisations that run once
  unsigned in_once = 0;  // initialisations that run once
  unsigned steady = 0;   // not 0: it is not changed at a point, only where it waits
  int system_number = 0; // the kernel's
  pthread_t real{};
  void* (*start)(void*) = nullptr;
  void* argument = nullptr;
  void* result = nullptr;
  unsigned ending_rounds = 0;
  bool detached = false;
  bool joined = false;
};

// Null: the machine does not run in this process, or not yet.
thread* current();

struct settings {
  std::uint64_t seed = 0;
  bool trace = false; // to standard error, a line for each thing that goes into the hash
};

// Once, in a process that has no thread but this one, which becomes the machine's first.
void begin(const settings& chosen);

// A place where the seed may let another thread run. Costs a little time.
void point();
// The same, and another thread does run if one can.
void yield();
// Until somebody wakes a waiter for `on`, or the deadline. True: woken.
bool wait(const void* on, nanos deadline);
// One of those who wait for `on`, chosen by the seed; all of them. False: nobody does.
bool wake_one(const void* on);
bool wake_all(const void* on);
// For the workload: lets others run for so long.
void let_pass(nanos length);

nanos now();
// What the wall clock of this thread's host is ahead of the monotonic one.
nanos wall_distance();
void spend(nanos length);
// `does` runs on whichever thread holds the baton then; it must not wait.
void at(nanos when, std::function<void()> does);

// Draws. A number below the bound; true in one of so many; a length in a range.
std::uint64_t draw();
std::uint64_t draw_below(std::uint64_t bound);
bool one_in(std::uint64_t bound);
nanos draw_between(nanos least, nanos most);

// What becomes part of the hash of the run.
void note(std::string_view what, std::uint64_t first = 0, std::uint64_t second = 0);
void note_bytes(std::string_view what, const void* bytes, std::size_t count);
std::uint64_t trace_hash();
std::uint64_t steps();

// Ends the process, with what happened as the last line of standard error.
[[noreturn]] void give_up(const std::string& why);
// A function of libc that the product is not known to need here.
[[noreturn]] void not_simulated(const char* function);

// Code that runs on the workload's thread in the name of a host: threads that it makes belong to that host.
class on_host {
 public:
  explicit on_host(unsigned number);
  ~on_host();
  on_host(const on_host&) = delete;
  on_host& operator=(const on_host&) = delete;

 private:
  unsigned before_;
};

// The threads of the host run no more. False: one of them holds a lock that other hosts need as well, so the
// caller waits a little and asks again.
bool freeze(unsigned host);
// Forgets that the thread is anybody's: it serves the whole process.
std::string describe_threads();

} // namespace coppice::simulated
