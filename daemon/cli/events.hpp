// SPDX-License-Identifier: MIT
// The commands `coppice events`: they list the node's named events, publish to an event, and follow one.
#pragma once

#include <functional>

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_events(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
