// SPDX-License-Identifier: MIT
// Decides whether a From may be answered. A From is a part of the request, so its sender can write any
// process into it; the node of the request's connection decides. In the process's own turn.
#pragma once

#include <coppice/etf/types.hpp>

#include "runtime/process.hpp"

namespace coppice::behaviours::gen {

// Whether a From in the current message names a process, and an alias if there is one, of the node that the
// message came from.
bool is_of_origin(runtime::process& self, etf::bytes from);
// Whether an answer to `from` may be sent. It may not if another node names a process of this node as the
// asker without an alias of that process, which only its maker gives away. Otherwise the other node could
// choose the receiver and the tag of a message in this process's name.
bool may_answer(runtime::process& self, etf::bytes from);

} // namespace coppice::behaviours::gen
