// SPDX-License-Identifier: MIT
// A clock that stands still until the test moves it. Everything in the process sees it: the product, libuv
// and the C++ library reach the kernel's clocks and waits through functions of libc, and held_clock.cpp
// defines those, for this program alone. A wait with a deadline ends when the clock is moved past it, at most
// about a millisecond of real time after that. What is observable still is waited for in real time, by
// test::pause() and what stands on it.
//
// Make one before anything that waits: a wait that began while the clock ran goes on in real time. One at a
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
  // The clocks stand still from here on.
  held_clock();
  // They go on from where they stand; the monotonic one never goes back.
  ~held_clock();
  held_clock(const held_clock&) = delete;
  held_clock& operator=(const held_clock&) = delete;

  // Any thread. Both clocks move. Where no clock can be held this waits for so long.
  void advance(std::chrono::nanoseconds by);
  // The wall clock alone, as when somebody sets it; back, too.
  void set_wall(std::chrono::nanoseconds by);

  // Waits that have a deadline and are under way now, in the whole process. Something that has begun to wait
  // is counted before its deadline can pass.
  static unsigned waiting();
};

// Whether held_clock works in this program: the thread sanitizer has definitions of its own for the same
// functions.
bool can_hold_clock();

// Gives the processor away for so long in real time, whatever the clock says.
void pause(std::chrono::microseconds real);

// Looks again and again until something observable is so, in real time. A test that looks in vain ends by its
// time limit.
template <class Condition>
void look_until(Condition holds) {
  while (!holds()) pause(std::chrono::microseconds(200));
}

// Nanoseconds of a clock that no test holds.
std::int64_t real_now();

} // namespace coppice::test
