// SPDX-License-Identifier: MIT
// A route's keys, and those that a web server has in common with its routes. Constant; any thread.
#pragma once

#include <cstdint>

#include "spec/kinds/web.hpp"
#include "spec/schema/simple_types.hpp"
#include "spec/schema/type.hpp"

namespace coppice::spec {

// The longest body that does not stream, in bytes.
inline constexpr std::uint64_t most_web_body = std::uint64_t{1} << 30;

const table<web_header>& web_header_table();
choice<web_body> web_body_choice();
const table<web_route>& web_route_table();

} // namespace coppice::spec
