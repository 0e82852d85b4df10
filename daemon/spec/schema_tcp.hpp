// SPDX-License-Identifier: MIT
// The rows of a listener, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<tcp_options>& tcp_table();

} // namespace coppice::spec
