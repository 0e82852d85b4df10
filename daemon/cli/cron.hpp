// SPDX-License-Identifier: MIT
// coppice cron: the jobs of a node, what they did and when they are due, and `explain`: an expression in
// words and when it is due next, which needs no running node; zones are then this machine's.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_cron(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
