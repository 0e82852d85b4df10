// SPDX-License-Identifier: MIT
// rooms: node
// A kind of child that the daemon does not know, written as a developer would add one: an engine that adds a
// step to a total on each call, its options in the configuration, a counter, and its report.
#pragma once

#include <cstdint>

#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::spec {

struct tally_options {
  std::uint32_t step = 1; // can be changed while it runs
  std::uint32_t from = 0; // the first total
};

} // namespace coppice::spec
