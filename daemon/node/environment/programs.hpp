// SPDX-License-Identifier: MIT
// Where the programs that belong to this one are: beside it in a build folder, or where they were
// installed. Any thread.
#pragma once

#include <string>

namespace coppice::node {

// coppice-plugin-host. COPPICE_PLUGIN_HOST in the environment goes first.
std::string plugin_host_program();

} // namespace coppice::node
