// SPDX-License-Identifier: MIT
// Delivers messages, exit signals and timers to an actor under test by Erlang's rules; signals to other
// processes go into its journal. In the test's thread.
#pragma once

#include <coppice/testing/world.hpp>

namespace coppice::testing::detail {

/// Whether a destination is the actor itself.
bool is_self(const world& w, const value& to);
bool is_atom(const value& term, std::string_view name);
/// normal, shutdown, {shutdown, _}.
bool is_orderly(const value& reason);
void end(world& w, value reason);
/// Appends a message; a priority message comes before all that have no priority.
void put(world& w, letter what);
/// Delivers an exit signal by Erlang's rules.
void exit_signal(world& w, const value& from, const value& reason, bool priority);
/// Puts a message into the mailbox if `to` is the actor. If it came by an alias for one message, the alias
/// ends.
bool arrives(world& w, const value& to, letter what, std::uint32_t flags);
void deliver(world& w, const value& to, value term, bool is_cast, std::uint32_t flags = 0);
/// Ends a monitor and an alias that lasts as long as it.
bool end_monitor(world& w, const value& reference);
/// Fires timers that are due on the actor's clock, in order.
void fire_timers(world& w);

} // namespace coppice::testing::detail
