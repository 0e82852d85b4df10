// SPDX-License-Identifier: MIT
// Rows and types that children and the options of their kinds share. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spec/schema/simple_types.hpp"
#include "spec/schema/type.hpp"
#include "spec/schema/values.hpp"
#include "tree/supervision.hpp"

namespace coppice::spec {

const table<mailbox_options>& mailbox_table();
const table<tree::backoff_options>& backoff_table();
maybe<std::optional<unhandled>, choice<unhandled>> optional_unhandled();
// PLUGIN or PLUGIN:ACTOR.
text actor_name();

// Adds the unit to the durations in `of[key]`, which are numbers there. `durations`: where they stand, as
// JSON pointers; empty: `of` need not have the key.
void print_durations(json& of, const char* key, const std::vector<std::string>& durations);

} // namespace coppice::spec
