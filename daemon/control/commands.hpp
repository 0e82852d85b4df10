// SPDX-License-Identifier: MIT
// What the control socket can be asked: the commands of the manual page, each answered from the node's
// snapshots or by one of its requests. Runs on the control thread and never waits there.
#pragma once

#include "base/log_ring.hpp"
#include "control/server.hpp"
#include "node/environment/notify.hpp"
#include "node/instance/instance.hpp"

namespace coppice::control {

// `of`, and `lines` of its log, outlive the server that is given this function.
request_function commands_of(node::instance& of, base::log::log_ring& lines);

// The control socket of a node, where its configuration says. Its thread also tells the service manager how
// the node is; before the server goes, the node's on_change is to be emptied. All three outlive it.
base::result<std::unique_ptr<server>> serve(node::instance& of, base::log::log_ring& lines,
                                            const node::service_manager& manager);

// Where that is.
std::string socket_of(const node::instance& of);

} // namespace coppice::control
