// SPDX-License-Identifier: MIT
// State machines under test: coppice/testing.hpp delivers their events and fires their time-outs on its
// clock. This header has what a test sees beside the replies, and the machine's data. The machine is the
// node's (coppice/detail/statem_machine.hpp), so order, time-outs and errors are the same.
//
//   actor door(plugin::linked());
//   CHECK(door.call(code{4711}) == true);
//   CHECK(door.state() == atom("open"));
//   CHECK(door.timeouts().at(0).due == door.now() + 10s);
//   door.advance(10s);
//   CHECK(door.did.transitions.back().to == atom("locked"));
//
// Included by coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/draft/statem.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include <coppice/detail/statem_machine.hpp>
#include <coppice/testing/value.hpp>

namespace coppice::testing {

/// A transition that a callback made.
struct made_transition {
  std::uint32_t event = 0; ///< COPPICE_EVENT_…; 0: init, or enter
  value content;           ///< content of the event
  value from, to;          ///< states
  std::vector<statem_action<value>> actions;
};

/// A running time-out.
struct set_timeout {
  std::uint32_t type = 0; ///< COPPICE_EVENT_…TIMEOUT
  value name;             ///< of a named time-out
  value content;
  std::chrono::nanoseconds due{}; ///< on the actor's clock
};

namespace detail {

/// The machine of an actor under test, with its timers. It outlives the actor's code and is copied with its
/// process.
struct machine_in_test {
  struct timer {
    std::uint64_t handle = 0;
    std::chrono::nanoseconds due{};
    std::uint32_t type = 0;
    value about;
    std::uint64_t serial = 0;
  };

  statem_machine<value> is;
  std::vector<timer> timers;
  std::uint64_t last_handle = 0;
  bool open = false; ///< a callback runs that may make a transition
  std::vector<statem_action<value>> said;

  void add(statem_action<value> one);
};

} // namespace detail
} // namespace coppice::testing
