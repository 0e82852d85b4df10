// SPDX-License-Identifier: MIT
// The arguments of a command over HTTP: read from the query of a GET or the JSON object of a POST, and
// checked against the table's row. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "api/protocol.hpp"
#include "control/command_table.hpp"

namespace coppice::control {

// The longest body of a request that acts, in bytes.
inline constexpr std::size_t most_of_arguments = std::size_t{1} << 20;

// An object as the control socket's clients send it. Arguments that are not given have the usual values in
// the command's row. A failure has the code invalid and says what the command takes.
expected<nlohmann::json, api::failure> arguments_of_query(const command& of, std::string_view query);
expected<nlohmann::json, api::failure> arguments_of_body(const command& of, std::string_view body);

} // namespace coppice::control
