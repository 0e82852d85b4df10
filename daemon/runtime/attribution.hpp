// SPDX-License-Identifier: MIT
// Which processes hold threads that do other work no more, and for which processes this thread works. Plain
// copies; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

class system;

// A callback that does not return, so that its thread has lost its worker. The process may be dead.
struct stuck_handler {
  runtime::pid pid;
  std::string who;       // the pid as Erlang writes it, and the name if there is one
  std::string callback;  // such as "handle_call"
  std::string message;   // the head of what it was given. Empty: none
  base::nanos since = 0; // monotonic: when its turn began
};

// Ordered by the time of their beginning.
std::vector<stuck_handler> stuck_handlers(const system& host);

// The process whose turn it is on this thread, and the process whose call it handles or has not answered yet,
// as Erlang writes them. Empty: this thread has no process's turn. For base::log::set_cause().
std::vector<std::string> processes_at_work();

} // namespace coppice::runtime
