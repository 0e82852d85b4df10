// SPDX-License-Identifier: MIT
// All kinds of children that a configuration can have. Any thread.
#pragma once

#include <span>

#include "spec/kinds/list.hpp"

namespace coppice::spec {

class kind;
struct child_spec;

// The options of each kind: statem_kind() and so on, each in its own file.
#define COPPICE_KIND(name) const kind& name##_kind();
COPPICE_KINDS(COPPICE_KIND)
#undef COPPICE_KIND

// All of them, in the order of the list.
std::span<const kind* const> kinds();

} // namespace coppice::spec
