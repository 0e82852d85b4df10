// SPDX-License-Identifier: MIT
// The part of the schema table that describes applications, supervisors and their children.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_scalars.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<application_spec>& application_table();
const table<supervisor_spec>& supervisor_table();
const table<child_spec>& child_table();
choice<isolation> isolation_words();
// What a child and a pool's workers have alike.
const table<mailbox_options>& mailbox_table();
const table<tree::backoff_options>& backoff_table();
maybe<std::optional<unhandled>, choice<unhandled>> optional_unhandled();

} // namespace coppice::spec
