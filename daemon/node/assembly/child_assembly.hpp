// SPDX-License-Identifier: MIT
// How the options of a kind of child become what its engine takes: one entry for each kind that the
// configuration has (spec/schema/kind.hpp). Any thread.
#pragma once

#include <span>

#include "behaviours/supervision/child_spec.hpp"
#include "spec/kinds/list.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

struct child_assembly {
  // Gives `out` what `from` says of this kind: the engine's object, terms, workers. Does nothing if `from`
  // is of another kind.
  void (*give)(const spec::child_spec& from, behaviours::child_spec& out);
  // Copies to `made` what a running child keeps of `old`, when only keys have changed that it takes on as it
  // runs. nullptr: nothing.
  void (*keep)(const spec::child_spec& from, const behaviours::child_spec& old,
               behaviours::child_spec& made) = nullptr;
};

// The entry of each kind: statem_assembly() and so on, each beside the options that it converts.
#define COPPICE_KIND(name) child_assembly name##_assembly();
COPPICE_KINDS(COPPICE_KIND)
#undef COPPICE_KIND

std::span<const child_assembly> assemblies();

} // namespace coppice::node
