// SPDX-License-Identifier: MIT
// The child whose actor is a durable saga: its actor is given the node's log. Any thread.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

std::shared_ptr<const child_kind> saga_kind();

} // namespace coppice::behaviours
