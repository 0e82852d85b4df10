// SPDX-License-Identifier: MIT
// Documents of /api/v1 that no command makes: errors, the table of commands for people and as OpenAPI, and
// what a reader without the right `state` sees of a command's document. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "api/protocol.hpp"
#include "control/api_access.hpp"

namespace coppice::control {

// The status of an answer to a command that failed.
int status_of(base::errc code);
// {code, what, why, hint}
nlohmann::json error_document(const api::failure& why);

// [{name, verb, right, about, arguments: [{name, type, needed, about, words, usual, most}]}]
nlohmann::json commands_document();
// OpenAPI 3.1.
nlohmann::json openapi_document(std::string_view version);

// Takes out of `command`'s document what only the right `state` shows: states, values of the configuration,
// and of exit reasons all but their shape.
void leave_out_terms(std::string_view command, nlohmann::json& document);
// Takes the same out of its failure. The failure of a command that takes a term, such as `call`, stays as it
// is: it is about that term.
void leave_out_terms(std::string_view command, api::failure& why);

} // namespace coppice::control
