// SPDX-License-Identifier: MIT
// The keys of `router:`, which stand beside an actor that is a router. Any thread.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<router_options>& router_table();

} // namespace coppice::spec
