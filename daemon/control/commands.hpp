// SPDX-License-Identifier: MIT
// The commands of the control socket, as on the manual page, each answered from the node's snapshots or by
// one of its requests. Runs on the control thread and never waits there.
#pragma once

#include "base/log_ring.hpp"
#include "control/server.hpp"
#include "node/environment/notify.hpp"
#include "node/instance/instance.hpp"

namespace coppice::control {

// `of`, and `lines` of its log, outlive the server that is given this function.
request_function commands_of(node::instance& of, base::log::log_ring& lines);

// Opens the control socket of a node, at the path that its configuration says. The socket's thread also
// tells the service manager how the node is. Before the server is destroyed, empty the node's on_change. All
// three arguments outlive the server.
base::result<std::unique_ptr<server>> serve(node::instance& of, base::log::log_ring& lines,
                                            const node::service_manager& manager);

// The path of that socket.
std::string socket_of(const node::instance& of);

} // namespace coppice::control
