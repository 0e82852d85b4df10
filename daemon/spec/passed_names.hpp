// SPDX-License-Identifier: MIT
// Which sockets of the service manager's a node is to use. Any thread.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "spec/node_spec.hpp"

namespace coppice::spec {

// The names that listeners of the tree give of sockets that are passed to them.
std::set<std::string, std::less<>> passed_names(const node_spec& spec);

} // namespace coppice::spec
