// SPDX-License-Identifier: MIT
// The commands that a running node answers: the arguments of each, the request that they make, and the
// display of its reply. They are one table; a new command is a new entry.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/exchange.hpp"
#include "spec/schema/diagnostic.hpp"

namespace coppice::cli {

// Adds each command to `app`. The chosen command puts its closure into `run`.
void declare_remote_commands(CLI::App& app, const common_options& common,
                             std::function<api::exit_code()>& run);

// The findings in the node's reply to diff and apply.
std::vector<spec::diagnostic> diagnostics_of(const nlohmann::json& reply);

} // namespace coppice::cli
