// SPDX-License-Identifier: MIT
// `coppice logs`: the last lines of a node, page by page, and with -f those that come, asked for one after
// the other: a reader that is slow costs the node nothing, and is told what it missed. Without a node it says
// where the log is.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/exchange.hpp"

namespace coppice::cli {

void declare_logs(CLI::App& app, const common_options& common, std::function<api::exit_code()>& run);

// One of the node's lines as coppiced writes them to a terminal, without the line feed.
std::string render_line(const nlohmann::json& line, bool colours);

// Where to look for the log of the node with this control socket (empty: any) when it does not answer.
std::string where_log_is(const std::string& socket, bool has_service);

} // namespace coppice::cli
