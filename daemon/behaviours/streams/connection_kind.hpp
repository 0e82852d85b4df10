// SPDX-License-Identifier: MIT
// The kind of a child whose actor keeps a connection to one place. Any thread.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

struct kept_connection;

std::shared_ptr<const child_kind> connection_kind(std::shared_ptr<const kept_connection> what);

} // namespace coppice::behaviours
