// SPDX-License-Identifier: MIT
// Converts the configuration of a web server for the process that runs it. Any thread.
#pragma once

#include <memory>

#include "behaviours/web/web_spec.hpp"
#include "spec/kinds/web.hpp"

namespace coppice::node {

// `from` has been checked. The actors that routes make for clients are not included.
std::shared_ptr<behaviours::web_spec> web_site(const spec::web_options& from);

} // namespace coppice::node
