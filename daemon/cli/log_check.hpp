// SPDX-License-Identifier: MIT
// The command `log check`: shows the content of a durable log's folder, and its damage. No node has to run,
// and none may have the log open.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_log_check(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
