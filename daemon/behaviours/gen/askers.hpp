// SPDX-License-Identifier: MIT
// Who may be answered: a From is a part of the request, so that its sender writes into it whom it likes. What
// the request's connection knows decides. In the process's own turn.
#pragma once

#include <coppice/etf/types.hpp>

#include "runtime/process.hpp"

namespace coppice::behaviours::gen {

// Whether a From in the message that is being handled names a process, and an alias if there is one, of the
// node that the message came from.
bool is_of_origin(runtime::process& self, etf::bytes from);
// Whether an answer to it may be sent. Not if another node says that a process of this node asks, without an
// alias of that process, which only its maker gives away: the answer would be a message of this process to
// one that the other node chooses, with a tag that it chooses.
bool may_answer(runtime::process& self, etf::bytes from);

} // namespace coppice::behaviours::gen
