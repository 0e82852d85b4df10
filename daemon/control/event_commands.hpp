// SPDX-License-Identifier: MIT
// The command `events`: shows the node's named events, publishes to an open one, follows one. The control
// thread.
#pragma once

#include <string_view>

#include "control/asked.hpp"
#include "node/shown/event_tail.hpp"

namespace coppice::control {

// {seq, time, payload}, {gap: {first, last}}, or {end: REASON} as the last one.
nlohmann::json event_line_document(const node::tail_line& line);

// Whether a subscription to an event of that node makes this node connect to it: it is neither this node nor
// connected.
bool needs_connection(const node::instance& of, std::string_view node);

// Without arguments: shows the events. change `publish`: name, term. With a name alone (NAME or NAME@NODE)
// and since (a number, or `now`; absent: from the events that are kept): begins a subscription, and `tail`
// is its number. With tail: the lines after line `after`; with wait, as soon as there are some; with close
// nothing, and the subscription ends.
pending run_events(const request& r);

} // namespace coppice::control
