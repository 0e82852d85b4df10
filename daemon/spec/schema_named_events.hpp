// SPDX-License-Identifier: MIT
// The rows of `events:`, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/named_event.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<named_event>& named_event_table();

} // namespace coppice::spec
