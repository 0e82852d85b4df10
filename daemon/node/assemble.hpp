// SPDX-License-Identifier: MIT
// From the validated configuration to what the engines take: applications, supervisors and children with
// their terms, and the runtime's options. Pure; nothing points into the specification.
#pragma once

#include <vector>

#include "behaviours/application.hpp"
#include "runtime/system.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

runtime::system_options runtime_options(const spec::node_spec& spec);

// In start order.
std::vector<behaviours::application_spec> applications(const spec::node_spec& spec);

} // namespace coppice::node
