// SPDX-License-Identifier: MIT
// The rows of an actor with a program, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/port_options.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<port_options>& port_table();

// Of two that are ports: what is not alike, as `port.KEY`, but for the args' own part.
void same_port(const port_options& a, const port_options& b, std::vector<std::string>& keys);

} // namespace coppice::spec
