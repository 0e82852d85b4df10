// SPDX-License-Identifier: MIT
// log check: what is in the folder of a durable log, and what of it is damaged. No node need run, and none
// may have the log open.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_log_check(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
