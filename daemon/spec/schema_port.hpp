// SPDX-License-Identifier: MIT
// The rows of an actor with a program, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/port_options.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<port_options>& port_table();

} // namespace coppice::spec
