// SPDX-License-Identifier: MIT
// The streams of a plugin's actor: which there are, and its callbacks for them. In the process's own turn.
#pragma once

#include <coppice/stream.h>

#include "behaviours/streams/actor_streams.hpp"
#include "host/boundary/host.hpp"

namespace coppice::host {

// Those of this actor, which has none until now.
behaviours::actor_streams& needs_streams(coppice_actor& self);

// Borrowed from the stream.
coppice_stream_info info_of(const behaviours::actor_stream& stream);

} // namespace coppice::host
