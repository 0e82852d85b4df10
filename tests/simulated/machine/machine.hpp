// SPDX-License-Identifier: MIT
// The core of the simulated machine: threads of which one runs at a time (it holds the baton), a clock that
// moves only when all threads wait or when reading it costs something, events that are due at a time, draws
// from the seed, and a hash over everything that the seed decided. The files beside this one define
// functions of libc on top of it. Only the thread that holds the baton uses any of this, so nothing here is
// locked.
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
inline constexpr nanos begins_at = 1'000 * second; // the monotonic clock when a run begins

// A thread of the product or of libuv, or the thread that runs the workload.
struct thread {
  enum class state : std::uint8_t { ready, waiting, frozen, over };

  unsigned number = 0;
  unsigned host = 0; // 0: no host, as for the workload and libuv's pool
  state is = state::ready;
  std::atomic<unsigned> baton{0}; // a futex: 1, the thread may run
  std::atomic<unsigned> arrived{0};
  const void* waits_on = nullptr; // null: only for the time
  nanos deadline = never;
  bool woken = false;
  nanos ran = 0;         // processor time
  unsigned holds = 0;    // locks, and initialisations that run once
  unsigned in_once = 0;  // initialisations that run once
  unsigned steady = 0;   // not 0: it runs on at a point; others run only when it waits
  int system_number = 0; // the kernel's number
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

// How far a run has come. Can be read by another process, also after a crash.
struct progress {
  nanos now = 0;
  std::uint64_t steps = 0;   // switches between threads
  std::uint64_t changes = 0; // how often the seed has decided which thread runs next
  std::uint64_t clock_reads = 0;
  std::uint64_t faults = 0; // how many faults were drawn; counted by the workload's thread
};

// Deviations that must change the hash of a run. Only for the tests of the hash.
struct disorder {
  std::uint64_t other_choice = 0; // at that choice among ready threads another one is taken; 0: never
  std::uint64_t real_clock = 0;   // that reading of a clock is the real clock's; 0: none
  bool by_address = false;        // what is ready in an epoll set is told in the order of addresses
};

struct settings {
  std::uint64_t seed = 0;
  bool trace = false; // prints a line to standard error for each thing that goes into the hash
  bool story = false; // prints what tell() is given to standard error
  // After the seed has decided so often which thread runs next, a thread runs until it waits, and the threads
  // run in the order in which they became ready.
  std::uint64_t most_changes = UINT64_MAX;
  disorder spoiled;
  progress* shown = nullptr; // null: no process reads it
};

// Numbers that follow from a seed: splitmix64.
class draws {
 public:
  explicit draws(std::uint64_t seed) : at_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound);
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }
  nanos between(nanos least, nanos most);

 private:
  std::uint64_t at_;
};

// Called once, in a process with this one thread, which becomes the machine's first.
void begin(const settings& chosen);

// A point: a place where the seed may let another thread run. Costs a little time.
void point();
// A point at which another thread does run if one can.
void yield();
// Waits until another thread wakes a waiter for `on`, or until the deadline. True: it was woken.
bool wait(const void* on, nanos deadline);
// Wakes one waiter for `on`, chosen by the seed, or all waiters. False: there are none.
bool wake_one(const void* on);
bool wake_all(const void* on);
// For the workload: lets other threads run for so long.
void let_pass(nanos length);
// For the workload: this thread uses a processor for so long, while other threads run.
void compute(nanos length);

nanos now();
// How far the wall clock of this thread's host is ahead of the monotonic clock.
nanos wall_distance();
void spend(nanos length);
// Runs `does` at that time, on whichever thread holds the baton then. It must not wait.
void at(nanos when, std::function<void()> does);

// Draws: any number; a number below the bound; true in one of `bound` cases; a length in a range.
std::uint64_t draw();
std::uint64_t draw_below(std::uint64_t bound);
bool one_in(std::uint64_t bound);
nanos draw_between(nanos least, nanos most);

const disorder& spoiled();
// Counts a reading of a clock. True: it is the one that is to be the real clock's.
bool reads_real_clock();

// Adds to the hash of the run.
void note(std::string_view what, std::uint64_t first = 0, std::uint64_t second = 0);
void note_bytes(std::string_view what, const void* bytes, std::size_t count);
std::uint64_t trace_hash();
std::uint64_t steps();

// Ends the process. The last line of standard error says why.
[[noreturn]] void give_up(const std::string& why);
// Ends the process: a function of libc was called that the product is not known to need.
[[noreturn]] void not_simulated(const char* function);

// While it lives, the workload's thread acts for a host: threads that it makes belong to that host.
class on_host {
 public:
  explicit on_host(unsigned number);
  ~on_host();
  on_host(const on_host&) = delete;
  on_host& operator=(const on_host&) = delete;

 private:
  unsigned before_;
};

// Stops the host's threads for good. False: one of them holds a lock that other hosts need as well, so the
// caller waits a little and asks again.
bool freeze(unsigned host);
// A line for each thread that has not ended, for people.
std::string describe_threads();

} // namespace coppice::simulated
