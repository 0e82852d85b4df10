// SPDX-License-Identifier: MIT
// Calls of the workloads' clients, with terms as text. In the process's own turn.
// rooms: node
#pragma once

#include <string>
#include <string_view>

#include "../cluster.hpp"
#include "runtime/process.hpp"

namespace coppice::simulated {

// A gen_server:call to the server of that name on that host. Returns the answer as text. Empty: no answer in
// time.
std::string call_of(runtime::process& self, const cluster& all, unsigned host, std::string_view name,
                    std::string_view request, nanos timeout);
// Adds a client's process on that host.
void add_process(cluster& to, unsigned host, const std::string& name,
                 std::unique_ptr<runtime::behaviour> does, const runtime::mailbox_bounds& mailbox = {});

} // namespace coppice::simulated
