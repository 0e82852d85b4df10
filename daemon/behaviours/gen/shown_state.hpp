// SPDX-License-Identifier: MIT
// How a server of ours is asked for what it shows to people: its state as text of bounded length, which it
// writes itself, so that no large term travels, and the report of its engine. The request is a sys request
// sent as a notice, so that other nodes and actors cannot ask. In the process's own turn.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct shown_state {
  std::optional<std::string> state; // none: it shows none, is no more, or has not answered by the deadline
  runtime::message engine;          // a map with atoms as keys, one is `kind`; empty: it has not answered
  std::string debug;                // what `sys` has switched on, and of which node; empty: nothing
};

// Asks the process `of`, which is a server, from another's turn. Parks.
shown_state ask_shown_state(runtime::process& self, const runtime::pid& of, base::nanos deadline);

// False: the sys request is none of these, or no notice.
bool asks_shown_state(runtime::process& self, const gen::request& what);
// Answers one, unless its deadline has passed. `state` and `engine` make the terms; an empty one: none.
// `kind` is added to the engine's map: which engine it is, as the behaviour is called.
void tell_shown_state(runtime::process& self, const gen::request& asked,
                      const std::function<runtime::message()>& state, std::string_view kind,
                      const std::function<runtime::message()>& engine, const std::string& debug = {});

} // namespace coppice::behaviours
