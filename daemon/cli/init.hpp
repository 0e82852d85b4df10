// SPDX-License-Identifier: MIT
// `coppice init`: makes a project, a node's configuration with its tree, the plugins of that tree, their
// tests, what builds them, and what systemd and CI need. It needs no node and no network.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_init(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
