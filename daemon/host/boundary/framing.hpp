// SPDX-License-Identifier: MIT
// Reads how a plugin wants a stream to be cut into frames. The test kit uses it too. Any thread.
#pragma once

#include <coppice/draft/stream.h>

#include <optional>

#include "net/stream/framer.hpp"

namespace coppice::host {

// `from`: of the daemon's size (sized()). Empty: an unknown kind or flag, or a value out of its range. A
// field that is 0 gets the default of net::framing.
std::optional<net::framing> framing_of(const coppice_framing& from);

} // namespace coppice::host
