// SPDX-License-Identifier: MIT
// One hot reload, all or nothing. The new generations are checked, loaded beside the old ones and tried with
// the present states. Then the plugins' actors stand still and their states go from old code to new. Only if
// all of them succeed does the new code replace the old one. A failure before that leaves the old generation
// in service, as if nothing had happened. Blocks; not on a worker's thread, one at a time.
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

// The part of the configuration that concerns a reload.
struct reload_rules {
  std::vector<behaviours::application_spec> applications;
  base::nanos deadline = 0; // for standing still, saving and restoring. ns
};

// The objects that a reload works on; they outlive it.
struct reload_ground {
  runtime::system& system;
  loader::loader& plugins;
  std::function<reload_rules()> rules;
  // Restarts a child of the tree by its path, and waits until it runs or `quit` asks to stop. errc::closed:
  // it was asked to stop, and the restart may go on.
  std::function<base::status(const std::string& path, const std::stop_token& quit)> restart;
};

// errc::not_found: no such plugin is loaded; errc::refused, errc::timeout: the old generation stays in use,
// and the sentence says why.
base::result<reload_report> reload_plugins(const reload_ground& on, const reload_request& what,
                                           std::stop_token quit);

} // namespace coppice::node
