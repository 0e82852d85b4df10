// SPDX-License-Identifier: MIT
// The commands `coppice cron`: they show a node's jobs, their results and next times. `explain` describes an
// expression in words and shows its next times; it needs no running node and uses the zones of this machine.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_cron(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
