// SPDX-License-Identifier: MIT
// The schema table of the whole configuration: every key, its type, its sentence, and whether this version
// has it. To make a key available, take `available::later` from its row.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

const table<node_spec>& configuration();

} // namespace coppice::spec
