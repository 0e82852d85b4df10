// SPDX-License-Identifier: MIT
// The command `coppice add`: adds one entry to the tree of a project that `coppice init` made, and makes its
// plugin. It needs no node and no network.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_add(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
