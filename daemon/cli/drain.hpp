// SPDX-License-Identifier: MIT
// `coppice drain`: takes a node out of service and waits until the connections of its listeners have ended.
#pragma once

#include <functional>

#include "cli/exchange.hpp"

namespace coppice::cli {

void declare_drain(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

} // namespace coppice::cli
