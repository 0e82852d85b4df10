// SPDX-License-Identifier: MIT
// The command `coppice new`: makes a plugin's folder from a template, with its source, its test, its build
// file and a README. It needs no node and no network.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_new(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
