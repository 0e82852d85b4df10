// SPDX-License-Identifier: MIT
// The kind of a child that is a TCP listener. Any thread.
#pragma once

#include <memory>

#include "behaviours/streams/tcp_spec.hpp"
#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

// The listener's process takes on another specification as it runs, if that listens at the same places.
std::shared_ptr<const child_kind> tcp_kind(std::shared_ptr<const tcp_spec> spec);

} // namespace coppice::behaviours
