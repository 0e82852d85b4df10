// SPDX-License-Identifier: MIT
// The commands that need no running node: check a configuration, inspect a plugin file, print the
// configuration's JSON Schema. They use the same code as a start does, and run no plugin.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_local_commands(CLI::App& app, const common_options& common,
                            std::function<api::exit_code()>& run);

} // namespace coppice::cli
