// SPDX-License-Identifier: MIT
// The part of the schema table that describes applications, supervisors and their children.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_scalars.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<application_spec>& application_table();
choice<isolation> isolation_words();

} // namespace coppice::spec
