// SPDX-License-Identifier: MIT
// A web server as it is written, for the process that is one. Any thread.
#pragma once

#include <memory>

#include "behaviours/web/web_spec.hpp"
#include "spec/kinds/web.hpp"

namespace coppice::node {

// `from` has been checked. Without the actors that routes make for clients.
std::shared_ptr<behaviours::web_spec> web_site(const spec::web_options& from);

} // namespace coppice::node
