// SPDX-License-Identifier: MIT
// The text that a node prints when it is up: its name, where it listens, its tree, and two lines to paste
// into another terminal that talk to it. The cookie itself is never shown. Any thread.
#pragma once

#include <string>

#include "node/instance/instance.hpp"

namespace coppice::node {

// `client`: how the coppice program is called from here. `socket`: path of the control socket. Empty: the
// client finds it by itself.
std::string banner(const instance& of, const std::string& client, const std::string& socket);

} // namespace coppice::node
