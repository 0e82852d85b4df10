// SPDX-License-Identifier: MIT
// The command `coppice top`: shows the processes with the most messages, memory or work. On a terminal it is
// redrawn every two seconds by default, and keys choose what is shown (top_view.hpp); otherwise it is printed
// once.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/exchange.hpp"
#include "cli/terminal.hpp"

namespace coppice::cli {

// Lines above the processes: the node, its load, an empty line, the column names.
inline constexpr std::size_t rows_of_top_head = 4;

void declare_top(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

// One picture, of at most `size.columns` columns and `size.rows` rows.
std::string render_top(const nlohmann::json& document, const std::string& sort, const screen& size,
                       bool colours);

} // namespace coppice::cli
