// SPDX-License-Identifier: MIT
// Reads how a plugin wants a stream cut into frames. The test kit uses it too. Any thread.
#pragma once

#include <coppice/draft/stream.h>

#include <optional>

#include "net/stream/framer.hpp"

namespace coppice::host {

// `from`: of the daemon's size (sized()). Empty: an unknown kind or flag, or a value out of its range. What
// is 0 there has the default of net::framing.
std::optional<net::framing> framing_of(const coppice_framing& from);

} // namespace coppice::host
