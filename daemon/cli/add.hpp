// SPDX-License-Identifier: MIT
// `coppice add`: one entry more in the tree of a project that `coppice init` made, and its plugin. It needs
// no node and no network.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_add(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
