// SPDX-License-Identifier: MIT
// What is said in the log of children and of their ends: OTP's supervisor reports as one event each, with the
// culprit, what it did and why. Any thread.
#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "behaviours/supervision/child_table.hpp"
#include "runtime/crash_notes.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours::report {

void child_started(std::string_view label, const runtime::pid& pid);
// `restarts_left`: within the period, this one included; 0: the supervisor gives up now.
// `note`: what it has left of its end; empty where it has not.
void child_ended(std::string_view label, const runtime::pid& pid, const runtime::message& reason,
                 std::string_view what_now, std::uint32_t restarts_left, const runtime::crash_note& note);
// The same of a process without a supervisor, which says it itself. `who`: its name or pid.
void ended_alone(std::string_view module, std::string_view who, std::string_view pid,
                 const runtime::message& reason, const runtime::crash_note& note);
void start_failed(std::string_view label, const runtime::message& reason, const runtime::crash_note& note);
// Its start waits until a process of its supervisor's earlier run has ended, which has its name.
void waits_for_name(std::string_view label, const runtime::pid& former);
// For its restart.
void waits(std::string_view label, base::nanos time);
void restarts_exceeded(std::string_view supervisor, std::string_view child, std::uint32_t intensity,
                       base::nanos period);
// It failed too often and stays down.
void gave_up(std::string_view label, std::uint32_t intensity, base::nanos period);
// It did not stop within its limit.
void killed(std::string_view label, base::nanos limit);
// Killed, it still sits in code that does not return.
void left_behind(std::string_view label);
// It stopped, but not with the reason expected of it.
void stopped_badly(std::string_view label, const runtime::message& reason, const runtime::crash_note& note);
// It took long, but stopped by itself.
void stopped_slowly(std::string_view label, base::nanos took);

} // namespace coppice::behaviours::report
