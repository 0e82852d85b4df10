// SPDX-License-Identifier: MIT
// The bounds of what a state machine of the configuration may postpone. Any thread.
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/convert.hpp"
#include "spec/kinds/statem.hpp"

namespace coppice::node {
namespace {

void give_statem(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const machine = from.find<spec::statem_options>())
    out.postponed = convert(machine->postponed);
}

} // namespace

child_assembly statem_assembly() {
  return {&give_statem};
}

} // namespace coppice::node
