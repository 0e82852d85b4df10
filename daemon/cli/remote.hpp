// SPDX-License-Identifier: MIT
// The commands that a running node answers: what each takes on the command line, the request it
// becomes, and how its reply is shown. One table; a new command is one entry.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/exchange.hpp"
#include "spec/diagnostic.hpp"

namespace coppice::cli {

// Adds each command to `app`; the one chosen is run by the closure put into `run`.
void declare_remote_commands(CLI::App& app, const common_options& common,
                             std::function<api::exit_code()>& run);

// The findings in the node's reply to diff and apply.
std::vector<spec::diagnostic> diagnostics_of(const nlohmann::json& reply);

} // namespace coppice::cli
