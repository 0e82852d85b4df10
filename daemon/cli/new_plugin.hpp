// SPDX-License-Identifier: MIT
// `coppice new`: makes a plugin's folder of a template, with its source, its test, what builds it and a page.
// It needs no node and no network.
#pragma once

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_new(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
