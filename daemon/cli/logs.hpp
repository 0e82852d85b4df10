// SPDX-License-Identifier: MIT
// The command `coppice logs`: prints a node's last lines, page by page, and with -f the lines that follow.
// Pages are requested one after the other, so a slow reader costs the node nothing, and is told how many
// lines it missed. Without a node the command says where the log is.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/exchange.hpp"

namespace coppice::cli {

void declare_logs(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

// A line as coppiced writes it to a terminal, without the line feed.
std::string render_line(const nlohmann::json& line, bool colours);

// Where to find the log of the node with this control socket (empty: any) if the node does not answer.
std::string where_log_is(const std::string& socket, bool has_service);

} // namespace coppice::cli
