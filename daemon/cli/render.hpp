// SPDX-License-Identifier: MIT
// The node's reply documents as text for people: one function a command, tables with aligned columns,
// the supervision tree drawn with lines. Missing fields print as "-", so that an older client reads a
// newer node. Pure functions.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace coppice::cli {

// Nothing is cut for its width.
inline constexpr std::size_t any_width = std::numeric_limits<std::size_t>::max();

// Columns as wide as their widest cell, two blanks between; the last column is not padded. What is wider than
// `columns` altogether is cut where it is widest, down to eight characters a column, and shows it by "…".
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t columns = any_width);

// 93784005 → "1d 2h 3m"; 4005 → "4s"; 12 → "12ms".
std::string duration_text(long long milliseconds);

// 1536 → "1.5 KiB".
std::string size_text(long long bytes);

// `columns`: how wide the lines may be.
std::string render_status(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_tree(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_processes(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_process(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_pool(const nlohmann::json& document, std::size_t columns);
std::string render_listener(const nlohmann::json& document, std::size_t columns);
std::string render_nodes(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_plugins(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_changes(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_levels(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_reload(const nlohmann::json& document, std::size_t columns = any_width);

std::string render_history(const nlohmann::json& document, std::size_t columns);
std::string render_health(const nlohmann::json& document, std::size_t columns = any_width);

// The reply of `call`, an Erlang term, broken over lines at `width` columns.
std::string render_reply(const nlohmann::json& document, std::size_t width);

} // namespace coppice::cli
