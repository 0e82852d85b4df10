// SPDX-License-Identifier: MIT
// The commands on one process: `call`, `cast` and `send`, what it is busy with and what it shows (`info`),
// its end (`exit`), and the end of what `sys` has switched on at it (`trace`). The control thread.
#pragma once

#include "control/asked.hpp"

namespace coppice::control {

// arguments: name and term. `call` answers with the reply.
pending run_call(const request& r);
pending run_cast(const request& r);
pending run_send(const request& r);

// arguments: name.
pending run_info(const request& r);

// Sends an exit signal, as exit(Pid, Reason) from a process that is not linked to it. arguments: name,
// reason.
pending run_exit(const request& r);

// Ends what `sys` of another node, or of this one, has switched on. arguments: name, change: off.
pending run_trace(const request& r);

} // namespace coppice::control
