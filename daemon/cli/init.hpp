// SPDX-License-Identifier: MIT
// The command `coppice init`: makes a project with a node's configuration and its tree, the plugins of that
// tree, their tests, the build files, and files for systemd and CI. It needs no node and no network.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_init(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
