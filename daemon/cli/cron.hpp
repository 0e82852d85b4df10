// SPDX-License-Identifier: MIT
// coppice cron explain: an expression in words and when it is due next. It needs no running node; zones are
// this machine's.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_cron(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
