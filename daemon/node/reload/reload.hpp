// SPDX-License-Identifier: MIT
// One hot reload, whole or not at all: the new generations are found fit, loaded beside the old ones and
// tried with the states as they are; then the plugins' actors stand still, their states go from old code to
// new, and only if all of them went over the new code takes the place of the old. Anything that fails before
// that leaves the old generation serving, as if nothing had happened. Blocks; not on a worker's thread, one
// at a time.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/application/application.hpp"
#include "loader/loader.hpp"
#include "node/reload/reload_report.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// What the configuration says to one reload.
struct reload_rules {
  std::vector<behaviours::application_spec> applications;
  base::nanos deadline = 0; // to stand still, save and restore
};

// What a reload works on; outlives it.
struct reload_ground {
  runtime::system& system;
  loader::loader& plugins;
  std::function<reload_rules()> rules;
  // Restarts a child of the tree by its path, and waits for it.
  std::function<base::status(const std::string& path)> restart;
};

// errc::not_found: no such plugin is loaded; errc::refused, errc::timeout: the old generation goes on, and
// the sentence says why.
base::result<reload_report> reload_plugins(const reload_ground& on, const reload_request& what,
                                           std::stop_token quit);

} // namespace coppice::node
