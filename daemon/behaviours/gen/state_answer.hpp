// SPDX-License-Identifier: MIT
// The answer to sys:get_state. Its form is the asker's: sys of OTP 26.1 and later takes {ok, State} apart, an
// older one hands its user whatever it was sent. No connection says of which release its peer is, so for a
// process of another node its node is asked, by a process of the daemon's, and the one that is looked at goes
// on meanwhile. In that one's own turn.
#pragma once

#include <string_view>

#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

// Answers `from`, soon.
void answer_state(runtime::process& self, const runtime::message& from, runtime::message state);

// Whether sys of a node takes {ok, State} apart, by the version of its run-time system, as
// erlang:system_info(version) says it. What is no version of OTP's counts as new.
bool takes_state_apart(std::string_view version);

} // namespace coppice::behaviours
