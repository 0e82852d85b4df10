// SPDX-License-Identifier: MIT
// The kind of a child that is a web server. Any thread.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"
#include "behaviours/web/web_listener.hpp"

namespace coppice::behaviours {

// Its process takes on another site, and what else a listener takes on, as it runs. It is told when it is
// stopped to be started again, so that its clients are told that.
std::shared_ptr<const child_kind> web_kind(web_order what);

} // namespace coppice::behaviours
