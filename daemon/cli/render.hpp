// SPDX-License-Identifier: MIT
// The node's reply documents as text for people: one function a command, the supervision tree drawn with
// lines. Missing fields print as "-", so that an older client reads a newer node. Pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/layout.hpp"

namespace coppice::cli {

// `columns`: how wide the lines may be.
std::string render_status(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_tree(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_processes(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_process(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_nodes(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_plugins(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_changes(const nlohmann::json& document, std::size_t columns = any_width);
// The changes that operators have made, of `diff --running`. Empty: none.
std::string render_by_hand(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_levels(const nlohmann::json& document, std::size_t columns = any_width);
std::string render_reload(const nlohmann::json& document, std::size_t columns = any_width);

std::string render_history(const nlohmann::json& document, std::size_t columns);
std::string render_health(const nlohmann::json& document, std::size_t columns = any_width);

// The reply of `call`, an Erlang term, broken over lines at `width` columns.
std::string render_reply(const nlohmann::json& document, std::size_t width);

} // namespace coppice::cli
