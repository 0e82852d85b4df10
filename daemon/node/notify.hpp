// SPDX-License-Identifier: MIT
// Tells systemd how the service does (sd_notify(3)): nothing happens where NOTIFY_SOCKET is not set. Any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace coppice::node {

// "READY=1", "STOPPING=1", "STATUS=…"; several lines at once are allowed.
void notify_service_manager(std::string_view state);
// "RELOADING=1" with the time systemd wants beside it; READY=1 ends it.
std::string reloading_state();

} // namespace coppice::node
