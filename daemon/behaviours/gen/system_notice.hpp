// SPDX-License-Identifier: MIT
// How the node asks a server of its own what only the node may: a sys request that is sent as a notice, which
// nobody else can send. In the process's own turn.
#pragma once

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

// Sends {system, {Self, [alias|Ref]}, Body} to the process `of`, which is here, and waits for its answer.
// `deadline` is monotonic. Parks.
gen::call_result ask_by_notice(runtime::process& self, const runtime::pid& of, etf::bytes body,
                               base::nanos deadline);

} // namespace coppice::behaviours
