// SPDX-License-Identifier: MIT
// The commands `coppice events`: they list the node's named events with their counters, publish an event, and
// follow one. All of them ask a running node; following asks for one page after the other.
#pragma once

#include <functional>

#include "cli/remote.hpp"

namespace coppice::cli {

void declare_events(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
