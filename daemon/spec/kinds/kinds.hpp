// SPDX-License-Identifier: MIT
// All kinds of children that a configuration can have. Any thread.
#pragma once

#include <span>

namespace coppice::spec {

class kind;
struct child_spec;

// In the order of the keys: those that stand beside an actor, then those in place of one.
std::span<const kind* const> kinds();

} // namespace coppice::spec
