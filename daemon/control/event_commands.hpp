// SPDX-License-Identifier: MIT
// The command `events`: the node's named events, publishing to one that is open, following one. The control
// thread.
#pragma once

#include "control/asked.hpp"
#include "node/shown/event_tail.hpp"

namespace coppice::control {

// {seq, time, payload}, {gap: {first, last}}, or {end: REASON} as the last one.
nlohmann::json event_line_document(const node::tail_line& line);

// Without arguments: what there is. change `publish`: name, term. With a name alone (NAME or NAME@NODE),
// since (a number, or `now`; absent: what is kept): a subscription is begun, and `tail` is its number. With
// tail: what has come after line `after`, or, with wait, when there is something; with close nothing,
// and it ends.
pending run_events(const request& r);

} // namespace coppice::control
