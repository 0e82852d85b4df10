// SPDX-License-Identifier: MIT
// The lines of the log about children and their ends: OTP's supervisor reports as one line each, with the
// child, what happened and why. Any thread.
#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "behaviours/supervision/child_table.hpp"
#include "runtime/crash_notes.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours::report {

void child_started(std::string_view label, const runtime::pid& pid);
// `restarts_left`: within the period, this restart included; 0: the supervisor gives up now. `note`: the
// child's own account of its end; empty: none.
void child_ended(std::string_view label, const runtime::pid& pid, const runtime::message& reason,
                 std::string_view what_now, std::uint32_t restarts_left, const runtime::crash_note& note);
// The end of a process without a supervisor, which reports it itself. `who`: its name or pid.
void ended_alone(std::string_view module, std::string_view who, std::string_view pid,
                 const runtime::message& reason, const runtime::crash_note& note);
void start_failed(std::string_view label, const runtime::message& reason, const runtime::crash_note& note);
// The child's start waits until a process of its supervisor's earlier run, which has its name, has ended.
void waits_for_name(std::string_view label, const runtime::pid& former);
// The child waits for its restart.
void waits(std::string_view label, base::nanos time);
void restarts_exceeded(std::string_view supervisor, std::string_view child, std::uint32_t intensity,
                       base::nanos period);
// The child failed too often and stays down.
void gave_up(std::string_view label, std::uint32_t intensity, base::nanos period);
// The child did not stop within its limit.
void killed(std::string_view label, base::nanos limit);
// The child is killed without the time of its shutdown: its supervisor has no stack to wait on.
void not_awaited(std::string_view label);
// The child has taken a change that it answered too late, and refuses what it had before. It is restarted.
void keeps_change(std::string_view label);
// The child was killed, but is still in code that does not return.
void left_behind(std::string_view label);
// The child stopped, but not with the reason expected of it.
void stopped_badly(std::string_view label, const runtime::message& reason, const runtime::crash_note& note);
// The child took long, but stopped by itself.
void stopped_slowly(std::string_view label, base::nanos took);

} // namespace coppice::behaviours::report
