// SPDX-License-Identifier: MIT
// The kind of a child that is an event manager. Any thread.
#pragma once

#include <memory>

#include "behaviours/event_manager/event_manager_spec.hpp"
#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

std::shared_ptr<const child_kind> event_manager_kind(std::shared_ptr<const event_manager_spec> options);

} // namespace coppice::behaviours
