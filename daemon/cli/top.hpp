// SPDX-License-Identifier: MIT
// `coppice top`: the processes that have most of something, drawn anew every other second on a terminal, once
// elsewhere.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/exchange.hpp"
#include "cli/terminal.hpp"

namespace coppice::cli {

void declare_top(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

// One picture, no line of it wider than `size.columns` and no more of them than `size.rows`.
std::string render_top(const nlohmann::json& document, const std::string& sort, const screen& size,
                       bool colours);

} // namespace coppice::cli
