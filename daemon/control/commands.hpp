// SPDX-License-Identifier: MIT
// What the control socket can be asked: the commands of the manual page, each answered from the node's
// snapshots or by one of its requests. Runs on the control thread and never waits there.
#pragma once

#include "control/server.hpp"
#include "node/instance.hpp"

namespace coppice::control {

// `of` outlives the server that is given this function.
request_function commands_of(node::instance& of);

// The control socket of a node, where its configuration says.
base::result<std::unique_ptr<server>> serve(node::instance& of);

// Where that is.
std::string socket_of(const node::instance& of);

} // namespace coppice::control
