// SPDX-License-Identifier: MIT
// What an event manager and its handlers, which are processes of their own, tell each other. All of it are
// notices, so nobody else can: from the manager batches of what happened, and calls; from a handler that it
// leaves, just before its end. In the process's own turn.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::behaviours::events {

// {batch_tag, [{Kind, Term}]}, in the order in which it happened.
inline constexpr std::string_view batch_tag = "$coppice_events";
enum class kind : std::uint8_t {
  event, // for handle_event
  info,  // for handle_info
};

// The bodies of calls, in gen_server's form.
inline constexpr std::string_view sync_call = "sync";   // answered `ok`, behind all batches before
inline constexpr std::string_view state_call = "state"; // the state for sys
inline constexpr std::string_view query_call =
    "query"; // {query, From, Request}: `ok` once handle_call is through
inline constexpr std::string_view leave_call =
    "leave"; // {leave, Why}: what its `removed` wrote; then it ends

// {left_tag, Pid, remove} or {left_tag, Pid, {Handler, NextArgs, Result}}: it ends, and in the second case
// another one takes its place.
inline constexpr std::string_view left_tag = "$coppice_event_handler_left";

} // namespace coppice::behaviours::events
