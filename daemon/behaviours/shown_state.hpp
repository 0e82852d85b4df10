// SPDX-License-Identifier: MIT
// How a server of ours is asked for what it shows of its state to people: text of bounded length, which it
// writes itself, so that no large term travels. A sys request that is a notice. In the process's own turn.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "behaviours/gen.hpp"

namespace coppice::behaviours {

// Asks the process `of`, which is a server, from another's turn. Nothing: it shows none, is no more, or has
// not answered by the deadline. Parks.
std::optional<std::string> ask_shown_state(runtime::process& self, const runtime::pid& of,
                                           base::nanos deadline);

// False: the sys request is none of these, or no notice.
bool asks_shown_state(runtime::process& self, const gen::request& what);
// Answers one, unless its deadline has passed. `state`: makes the term; an empty one: it shows none.
void tell_shown_state(runtime::process& self, const gen::request& asked,
                      const std::function<runtime::message()>& state);

} // namespace coppice::behaviours
