// SPDX-License-Identifier: MIT
// The rows of an event manager. Any thread.
#pragma once

#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<event_manager_options>& event_manager_table();

} // namespace coppice::spec
