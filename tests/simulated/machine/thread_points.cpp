// SPDX-License-Identifier: MIT
// The runtime's hook: its operations on atomics, and its loops that wait for another thread, are points of
// the machine.
// rooms: runtime
#include "runtime/structures/thread_points.hpp"

#include "machine.hpp"

namespace coppice::runtime::thread_points {

void may_change() {
  simulated::point();
}

void waits() {
  simulated::point();
}

void stays(bool does) {
  if (simulated::thread* const self = simulated::current()) self->steady += does ? 1U : ~0U;
}

} // namespace coppice::runtime::thread_points
