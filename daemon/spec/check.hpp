// SPDX-License-Identifier: MIT
// What a configuration must fulfil as a whole, once each key is read: names and ids unique, dependencies
// that exist and have an order, plugins that are there, args that their schemas take. Fills in what
// follows from it: actor types, checked args, the order of applications, the plugin files. One load's.
#pragma once

#include <cstdint>

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

struct check_options {
  bool with_plugins = true;         // false: no plugin is looked at
  std::uint64_t machine_memory = 0; // see load_options
};

// `root` is the tree that `spec` was read from.
void check_whole(const node& root, node_spec& spec, const check_options& how, report& to);

} // namespace coppice::spec
