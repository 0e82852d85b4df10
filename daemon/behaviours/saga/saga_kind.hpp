// SPDX-License-Identifier: MIT
// The child whose actor is a saga that needs something of the node: the log, if it is durable, and what its
// workers are made of. Any thread.
#pragma once

#include <memory>

#include "behaviours/saga/saga_worker_options.hpp"
#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

// `workers` null: none.
std::shared_ptr<const child_kind> saga_kind(bool durable, std::shared_ptr<const saga_worker_options> workers);

} // namespace coppice::behaviours
