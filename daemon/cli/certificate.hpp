// SPDX-License-Identifier: MIT
// The commands `certificate init` and `certificate issue`: they make a cluster's authority and its nodes'
// certificates as files, which `verify: peer` needs. No node has to run.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_certificate(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
