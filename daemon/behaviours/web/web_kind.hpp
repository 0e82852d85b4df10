// SPDX-License-Identifier: MIT
// The kind of a child that is a web server. Any thread.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/web/web_listener.hpp"

namespace coppice::behaviours {

// The server's process takes on another site, and the options that every listener takes on, as it runs. If
// it is stopped to be started again, it is told so, and tells its clients.
std::shared_ptr<const child_kind> web_kind(web_order what);

} // namespace coppice::behaviours
