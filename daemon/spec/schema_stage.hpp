// SPDX-License-Identifier: MIT
// The keys of `stage:`, which stand beside an actor that is a stage, and of `consumer_supervisor:`. Any
// thread.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<stage_options>& stage_table();
const table<consumer_supervisor_options>& consumer_supervisor_table();

} // namespace coppice::spec
