// SPDX-License-Identifier: MIT
// Logs the commands of clients: a line for each command that changes something of the node or of an actor.
// The uid and the pid come from the kernel, and the user's name is this machine's for that uid. The name of
// the user that called sudo, and the terminal, are claims of the client. For a client over HTTP: its address,
// whether it gave the token, and the token's name. The control thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "control/asked.hpp"

namespace coppice::control {

// "uid 0, pid 17, user root, sudo by alice, on pts/3"; what is not known is left out. "http, 127.0.0.1:40112,
// with the token named page-token".
std::string by(const caller& who);
std::vector<base::log::field> fields_of(const caller& who);

// Logs the command before it is done, so that the log says why a node has not survived it. A command that
// only asks is not logged, but over HTTP each POST is. For a term, as that of a call or the reason of an
// exit, only its shape is logged: its content may be secret. Other texts of the client are quoted unless they
// are plain names, and cut.
void log_change(const asked& a);

// Logs that a client begins to follow an event of another node, for which this node has to connect to it.
void log_following(const caller& who, std::string_view event, std::string_view node);

} // namespace coppice::control
