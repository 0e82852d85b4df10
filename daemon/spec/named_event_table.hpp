// SPDX-License-Identifier: MIT
// The rows of `events:`, in the schema's words; see schema/type.hpp.
#pragma once

#include "spec/named_event.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

const table<named_event>& named_event_table();

} // namespace coppice::spec
