// SPDX-License-Identifier: MIT
// rooms: node
// A kind of child that the daemon does not know, as somebody would add one: an engine that adds a step to a
// total whenever it is called, its options in the configuration, a counter, and what it reports.
#pragma once

#include <cstdint>

#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::spec {

struct tally_options {
  std::uint32_t step = 1; // taken on as it runs
  std::uint32_t from = 0; // what the total begins with
};

} // namespace coppice::spec
