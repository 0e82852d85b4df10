// SPDX-License-Identifier: MIT
// The part of the schema table that describes applications, supervisors and their children.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/simple_types.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

const table<application_spec>& application_table();
const table<supervisor_spec>& supervisor_table();
const table<child_spec>& child_table();
choice<isolation> isolation_words();

} // namespace coppice::spec
