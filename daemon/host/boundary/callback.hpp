// SPDX-License-Identifier: MIT
// Calls callbacks of a plugin. An exception that escapes although it may not becomes a status, so that it
// ends its actor and not the node. A callback that the plugin lacks has a default. In the process's own
// turn.
#pragma once

#include <cxxabi.h>

#include <cstdint>
#include <utility>

#include "host/boundary/host.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::host {

// The status of a callback that an exception escaped from; the error object has a text.
std::int32_t escaped_exception(coppice_actor& actor);

template <class Callback>
[[gnu::always_inline]] inline std::int32_t guarded(coppice_actor& actor, Callback callback) {
  try {
    return callback();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return escaped_exception(actor);
  }
}

// Calls a callback in the process's turn, where the watchdog may take the thread away: it reports `name` and
// the callback's input.
template <class Callback>
[[gnu::always_inline]] inline std::int32_t in_turn(coppice_actor& actor, const char* name,
                                                   etf::bytes argument, Callback callback) {
  const runtime::foreign_code outside(*actor.process, name, argument, actor.is->charged);
  return guarded(actor, std::move(callback));
}

// Calls a callback that may only look: any other host call is refused, and take_refusal() reports it
// afterwards.
template <class Callback>
std::int32_t look_only(coppice_actor& actor, looking what, Callback callback) {
  actor.looking = what;
  const std::int32_t status = in_turn(actor, name_of(what), {}, std::move(callback));
  actor.looking = looking::no;
  return status;
}

// The default for a plugin without `function`.
template <class Function, class... Arguments>
std::int32_t call_or(std::int32_t status, Function function, Arguments... arguments) {
  return function == nullptr ? status : function(arguments...);
}

} // namespace coppice::host
