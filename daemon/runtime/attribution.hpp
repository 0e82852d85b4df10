// SPDX-License-Identifier: MIT
// Which processes hold threads that do other work no more, for which processes this thread works, and which
// classes of actors have used how much processor time. Plain copies; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/work_kind.hpp"

namespace coppice::runtime {

class system;

// A callback that does not return, so that its thread has lost its worker. The process may be dead.
struct stuck_handler {
  runtime::pid pid;
  std::string who;       // the pid as Erlang writes it, and the name if there is one
  std::string callback;  // such as "handle_call"
  std::string message;   // the head of what it was given. Empty: none
  base::nanos since = 0; // monotonic: when its turn began
  base::nanos ran = 0;   // processor time of that turn so far
};

// Ordered by the time of their beginning.
std::vector<stuck_handler> stuck_handlers(const system& host);

// The process whose turn it is on this thread, and the process whose call it handles or has not answered yet,
// as Erlang writes them. Empty: this thread has no process's turn. For base::log::set_cause().
std::vector<std::string> processes_at_work();

// A distribution of times in ns: the number of times at or below each bound, then the number of all times;
// and their sum.
struct time_spread {
  static constexpr std::array<base::nanos, 13> bounds{
      1'000,     3'000,      10'000,     30'000,      100'000,       300'000,       1'000'000,
      3'000'000, 10'000'000, 30'000'000, 100'000'000, 1'000'000'000, 10'000'000'000};
  std::array<std::uint64_t, bounds.size() + 1> at_or_below{};
  base::nanos sum = 0;
};

// The work of the actors of one class, or of the node's own processes of one behaviour.
struct class_work {
  std::string plugin; // empty: of the node
  std::string actor;  // the class; of the node's own processes the behaviour
  // Processor time by work_kind. The sum is that of the processes, see process_summary::ran, in steps of
  // about a millisecond for each. The shares of the kinds are those in the turns that were looked at closely.
  std::array<base::nanos, work_kinds> ran{};
  // The times of the messages of those closely measured turns alone, see scheduling/turn_laps.hpp.
  time_spread handled; // from the beginning of a handler to its return, with the time that it waits
  time_spread waited;  // in the mailbox
};

// By plugin and class.
std::vector<class_work> work_by_class(const system& host);

} // namespace coppice::runtime
