// SPDX-License-Identifier: MIT
// The rows of a web server, in the schema's words; see schema_type.hpp.
#pragma once

#include "spec/schema_type.hpp"
#include "spec/web_options.hpp"

namespace coppice::spec {

const table<web_options>& web_table();

} // namespace coppice::spec
