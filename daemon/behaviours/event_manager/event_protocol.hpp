// SPDX-License-Identifier: MIT
// The messages between an event manager and its handlers, which are processes of their own. All of them are
// notices, so no other process can send them. The manager sends batches of events, and calls. A handler says
// that it leaves, just before its end. In the process's own turn.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::behaviours::events {

// {batch_tag, [{Kind, Term}]}, in the order in which the events came.
inline constexpr std::string_view batch_tag = "$coppice_events";
enum class kind : std::uint8_t {
  event, // for handle_event
  info,  // for handle_info
};

// The bodies of calls, in gen_server's form.
inline constexpr std::string_view sync_call = "sync";   // answered `ok`, behind all earlier batches
inline constexpr std::string_view state_call = "state"; // the state for sys
inline constexpr std::string_view query_call =
    "query"; // {query, From, Request}: `ok` once handle_call has returned, also if the handler leaves then
inline constexpr std::string_view leave_call =
    "leave"; // {leave, Why}: answered with the result of `removed`; then the handler ends

// {left_tag, Pid, remove} or {left_tag, Pid, {Handler, NextArgs, Result, Taken}}: the handler ends. In the
// second case another handler takes its place. Taken: the number of events of batches that the handler has
// taken. All later events are for the handler in its place.
inline constexpr std::string_view left_tag = "$coppice_event_handler_left";

} // namespace coppice::behaviours::events
