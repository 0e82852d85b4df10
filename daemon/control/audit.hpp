// SPDX-License-Identifier: MIT
// Who asked for what: a line of the log for each command that changes something of the node or of an actor.
// The uid and the pid are the kernel's word, the user's name is this machine's for that uid; who called sudo
// and the terminal are what the client claims. Of a client over HTTP: its address, and whether it gave the
// token, and the token's name. The control thread.
#pragma once

#include <string>
#include <vector>

#include "base/log.hpp"
#include "control/asked.hpp"

namespace coppice::control {

// "uid 0, pid 17, user root, sudo by alice, on pts/3"; what is not known is left out. "http, 127.0.0.1:40112,
// with the token named page-token".
std::string by(const caller& who);
std::vector<base::log::field> fields_of(const caller& who);

// Before it is done, so that a node that does not survive it has said why. Says nothing of a command that
// only asks; over HTTP that is none with POST. Of a term it says its shape alone: what is in it may be
// secret.
void log_change(const asked& a);

// What a term is, without what is in it: put, {put, …}, …
std::string shape_of(std::string_view term);

} // namespace coppice::control
