// SPDX-License-Identifier: MIT
// The streams of a plugin's actor, and its callbacks for them. In the process's own turn.
#pragma once

#include <coppice/draft/stream.h>

#include "behaviours/streams/actor_streams.hpp"
#include "host/boundary/host.hpp"

namespace coppice::host {

// The streams of this actor; made if there are none yet.
behaviours::actor_streams& needs_streams(coppice_actor& self);

// The bytes in it are borrowed from the stream.
coppice_stream_info info_of(const behaviours::actor_stream& stream);

} // namespace coppice::host
