// SPDX-License-Identifier: MIT
// The keys of `node.log`. Immutable; any thread.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

const table<log_options>& log_table();

} // namespace coppice::spec
