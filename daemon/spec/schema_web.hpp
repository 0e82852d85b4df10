// SPDX-License-Identifier: MIT
// The rows of a web server, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/schema_type.hpp"
#include "spec/web_options.hpp"

namespace coppice::spec {

const table<web_options>& web_table();

// What a running one takes over, for requests to come, and what needs another start.
void compare_web(const web_options& a, const web_options& b, std::vector<std::string>& keys);
void same_web(const web_options& a, const web_options& b, std::vector<std::string>& keys);

} // namespace coppice::spec
