// SPDX-License-Identifier: MIT
// The keys of `saga:`, which stand beside an actor that is a saga. Any thread.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<saga_options>& saga_table();

} // namespace coppice::spec
