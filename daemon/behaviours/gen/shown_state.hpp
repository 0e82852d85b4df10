// SPDX-License-Identifier: MIT
// Asks a server of this node for its display state: a text of bounded length, which the server formats itself
// so that no large term is copied, and the report of its engine. The request is a sys request sent as a
// notice, so that other nodes and actors cannot ask. In the process's own turn.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct shown_state {
  std::optional<std::string> state; // empty: none, or the process has ended or did not answer by the deadline
  runtime::message engine;          // a map with atoms as keys, of which one is `kind`. Empty: no answer
  std::string debug;                // what `sys` has switched on, and from which node. Empty: nothing
};

// The part that the asker may see. Without the state the server does not make it: no format_status of a
// plugin runs.
enum class shown_part { all, without_state };

// Asks the process `of`, which is a server. Called by another process in its turn. Parks.
shown_state ask_shown_state(runtime::process& self, const runtime::pid& of, base::nanos deadline,
                            shown_part wanted = shown_part::all);

// False: the sys request has another form, or is no notice.
bool asks_shown_state(runtime::process& self, const gen::request& what);
// Answers such a request, unless its deadline has passed. `state` and `engine` make the terms; `state` is
// called only if the asker wants it. An empty term: none. `kind` is added to the engine's map: the engine's
// name, as the behaviour is called.
void tell_shown_state(runtime::process& self, const gen::request& asked,
                      const std::function<runtime::message()>& state, std::string_view kind,
                      const std::function<runtime::message()>& engine, const std::string& debug = {});

} // namespace coppice::behaviours
