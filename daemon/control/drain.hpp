// SPDX-License-Identifier: MIT
// Taking a node out of service before maintenance: it is not ready any more, and its actors' listeners accept
// nobody, while the connections that are open go on; and back. The control thread.
#pragma once

#include "control/asked.hpp"

namespace coppice::control {

// `change`: on, off, or nothing: only says how many connections are left of which listener.
pending run_drain(const request& r);

} // namespace coppice::control
