// SPDX-License-Identifier: MIT
// How a server of ours is asked for what it shows to people: of its state text of bounded length, which it
// writes itself, so that no large term travels, and what its engine tells of itself. A sys request that is a
// notice. In the process's own turn.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct shown_state {
  std::optional<std::string> state; // none: it shows none, is no more, or has not answered by the deadline
  runtime::message engine;          // a map with atoms as keys; empty: as the state, or it tells nothing
  std::string debug;                // what `sys` has switched on, and of which node; empty: nothing
};

// Asks the process `of`, which is a server, from another's turn. Parks.
shown_state ask_shown_state(runtime::process& self, const runtime::pid& of, base::nanos deadline);

// False: the sys request is none of these, or no notice.
bool asks_shown_state(runtime::process& self, const gen::request& what);
// Answers one, unless its deadline has passed. `state` and `engine` make the terms; an empty one: none.
void tell_shown_state(runtime::process& self, const gen::request& asked,
                      const std::function<runtime::message()>& state,
                      const std::function<runtime::message()>& engine, const std::string& debug = {});

} // namespace coppice::behaviours
