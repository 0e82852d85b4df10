// SPDX-License-Identifier: MIT
// The kind of a child whose actor has UDP sockets, which stay open while the actor is started again. Any
// thread.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

struct datagram_spec;

std::shared_ptr<const child_kind> datagram_kind(std::shared_ptr<const datagram_spec> what);

} // namespace coppice::behaviours
