// SPDX-License-Identifier: MIT
// Finds the programs that belong to this one: in the same build folder, or where they were installed. Any
// thread.
#pragma once

#include <string>

namespace coppice::node {

// Path of coppice-plugin-host. COPPICE_PLUGIN_HOST in the environment comes first.
std::string plugin_host_program();

} // namespace coppice::node
