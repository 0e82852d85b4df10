// SPDX-License-Identifier: MIT
// Checks a configuration as a whole, once each key is read: names and ids are unique, dependencies exist and
// have an order, plugins exist, args fit their schemas. Fills in what follows from it: actor types, checked
// args, the order of applications, the plugin files. Used by one load.
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
