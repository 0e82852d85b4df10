// SPDX-License-Identifier: MIT
// `coppice events`: the node's named events, publishing to one, following one.
#pragma once

#include <functional>

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_events(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
