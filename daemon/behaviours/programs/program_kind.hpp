// SPDX-License-Identifier: MIT
// The kind of a child whose actor has a program. Any thread.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

struct program_spec;

std::shared_ptr<const child_kind> program_kind(std::shared_ptr<const program_spec> what);

} // namespace coppice::behaviours
