// SPDX-License-Identifier: MIT
// What an engine reports, as text for people: by the kind that the report names, or plainly as fields where
// the client does not know the kind. Pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/layout.hpp"

namespace coppice::cli {

// `engine`: of info's document, or the document of pool and listener. Empty: it tells nothing but its kind.
std::string render_engine(const nlohmann::json& engine, std::size_t columns = any_width);

} // namespace coppice::cli
