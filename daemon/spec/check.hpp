// SPDX-License-Identifier: MIT
// What a configuration must fulfil as a whole, once each key is read: names and ids unique, dependencies
// that exist and have an order, plugins that are there, args that their schemas take. Fills in what
// follows from it: actor types, checked args, the order of applications, the plugin files. One load's.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

// `root` is the tree that `spec` was read from.
void check_whole(const node& root, node_spec& spec, bool with_plugins, report& to);

} // namespace coppice::spec
