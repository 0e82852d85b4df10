// SPDX-License-Identifier: MIT
// The kind of a child that is a pool: the children below it are its workers. Any thread.
#pragma once

#include <memory>

#include "behaviours/pool/pool_spec.hpp"
#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

// For a specification whose `supervisor` is set. The process of such a child takes on another number of
// workers and other options as it runs.
std::shared_ptr<const child_kind> pool_kind(std::shared_ptr<const pool_spec> options);

} // namespace coppice::behaviours
