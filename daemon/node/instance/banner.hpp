// SPDX-License-Identifier: MIT
// What a node says when it is up: its name, where it listens, its tree, and two lines to paste into another
// terminal that talk to it. The cookie itself is never shown. Any thread.
#pragma once

#include <string>

#include "node/instance/instance.hpp"

namespace coppice::node {

// `client` is how the coppice program is called from here; `socket` is where the control socket is, empty
// where the client finds it by itself.
std::string banner(const instance& of, const std::string& client, const std::string& socket);

} // namespace coppice::node
