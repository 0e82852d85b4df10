// SPDX-License-Identifier: MIT
// Sends a server of this node a sys request that only the node itself may make. It is sent as a notice, which
// no other process can forge. In the process's own turn.
#pragma once

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

// Sends {system, {Self, [alias|Ref]}, Body} to the process `of` of this node, and waits for its answer.
// `deadline` is monotonic. Parks.
gen::call_result ask_by_notice(runtime::process& self, const runtime::pid& of, etf::bytes body,
                               base::nanos deadline);

// As ask_by_notice(), but does not wait: {[alias|Ref], Answer}, or the 'DOWN' of the returned monitor, is a
// message to this process.
runtime::reference send_by_notice(runtime::process& self, const runtime::pid& of, etf::bytes body);

} // namespace coppice::behaviours
