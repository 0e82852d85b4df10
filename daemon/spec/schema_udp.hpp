// SPDX-License-Identifier: MIT
// The rows of an actor with UDP sockets, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<udp_options>& udp_table();

} // namespace coppice::spec
