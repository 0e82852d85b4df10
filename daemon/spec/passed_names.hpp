// SPDX-License-Identifier: MIT
// The names of the service manager's sockets that a node is to use. Any thread.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "spec/node_spec.hpp"

namespace coppice::spec {

// The names by which listeners of the tree ask for sockets that the service manager passes.
std::set<std::string, std::less<>> passed_names(const node_spec& spec);

} // namespace coppice::spec
