// SPDX-License-Identifier: MIT
// The answer to sys:get_state. Its form depends on the asker: sys of OTP 26.1 and later expects {ok, State},
// and an older one hands any answer to its user as it is. A connection does not tell its peer's release. So
// for a process of another node that node is asked for its version, by a separate process, and the process
// whose state is shown goes on meanwhile. In that process's own turn.
#pragma once

#include <string_view>

#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

// Answers `from`, at once or soon.
void answer_state(runtime::process& self, const runtime::message& from, runtime::message state);

// Whether sys of a node expects {ok, State}. `version`: that of its run-time system, as
// erlang:system_info(version) returns it. A text that is no version of OTP counts as new.
bool takes_state_apart(std::string_view version);

} // namespace coppice::behaviours
