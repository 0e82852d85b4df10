// SPDX-License-Identifier: MIT
// `coppice dev`: builds the project in the current folder, runs its node, and takes each change of plugins
// and configuration into the running node once it was built and tested.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_dev(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
