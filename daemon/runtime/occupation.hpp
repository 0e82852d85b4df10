// SPDX-License-Identifier: MIT
// The occupation of a process, as it reports it to the process that asks: what it waits for, which process it
// works for, in which callback, and which messages wait for it. Only the head of a message is reported, such
// as {put, ...}.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/process.hpp"

namespace coppice::runtime {

struct waiting_message {
  std::string what;     // "call {get, ...}", "cast {put, ...}", "{tick, ...}"
  std::string from;     // the pid of its sender, as Erlang writes it. Empty: not known
  base::nanos age = -1; // to about a turn of the sender's worker. -1: not known
};

struct occupation {
  static constexpr std::size_t most_waiting = 5;

  waited_for waits;
  // Known of a process whose thread is stuck in a callback, which another thread has taken the worker from.
  std::string callback;              // such as "handle_call". Empty: not known
  std::string message;               // the head of what that callback was given. Empty: none, or not known
  std::string caller;                // the process whose call is handled, as Erlang writes it. Empty: none
  base::nanos since = 0;             // monotonic: when it began to wait, or that callback's turn. 0: not busy
  std::vector<waiting_message> next; // the first of its mailbox, at most `most_waiting`
};

// Asks `other`, and parks until it answers. A process answers between two messages and while it is parked or
// stuck. nullopt: not before `deadline` (monotonic), or it has ended. In the turn of `self`.
std::optional<occupation> ask_occupation(process& self, const pid& other, base::nanos deadline);

} // namespace coppice::runtime
