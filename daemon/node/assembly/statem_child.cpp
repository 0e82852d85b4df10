// SPDX-License-Identifier: MIT
// See statem_child.hpp.
#include "node/assembly/statem_child.hpp"

#include "node/assembly/convert.hpp"
#include "spec/kinds/statem.hpp"

namespace coppice::node {

void give_statem(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const machine = from.find<spec::statem_options>())
    out.postponed = convert(machine->postponed);
}

} // namespace coppice::node
