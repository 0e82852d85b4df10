// SPDX-License-Identifier: MIT
// A clock that stands still until the test moves it. The whole process sees it: the product, libuv and the
// C++ library read clocks and wait through functions of libc, and held_clock.cpp defines these functions for
// the test program. A wait with a deadline ends at most about a millisecond of real time after the clock is
// moved past that deadline. For conditions without a deadline, tests wait in real time: test::pause() and
// look_until().
//
// Create the clock before anything waits: a wait that began earlier goes on in real time. One clock at a
// time.
//   test::held_clock clock;
//   ... start a node, send something ...
//   clock.advance(5s);
#pragma once

#include <chrono>
#include <cstdint>

namespace coppice::test {

class held_clock {
 public:
  // Stops the clocks.
  held_clock();
  // Starts the clocks again from the time that they show; the monotonic clock never goes back.
  ~held_clock();
  held_clock(const held_clock&) = delete;
  held_clock& operator=(const held_clock&) = delete;

  // Moves both clocks. Any thread. If clocks cannot be held, this waits for that long instead.
  void advance(std::chrono::nanoseconds by);
  // Moves the wall clock alone, as setting the system time does. Negative: backwards.
  void set_wall(std::chrono::nanoseconds by);

  // The number of waits with a deadline in progress in the whole process. A wait is counted before its
  // deadline can pass.
  static unsigned waiting();
};

// Whether held_clock works in this program. It does not under the thread sanitizer, which defines the same
// functions itself.
bool can_hold_clock();

// Sleeps that long in real time, whether or not a clock is held.
void pause(std::chrono::microseconds real);

// Checks `holds` repeatedly in real time until it is true. There is no limit: a test that waits in vain is
// ended by the test runner's time limit.
template <class Condition>
void look_until(Condition holds) {
  while (!holds()) pause(std::chrono::microseconds(200));
}

// Nanoseconds of the real monotonic clock, which no test can hold.
std::int64_t real_now();

} // namespace coppice::test
