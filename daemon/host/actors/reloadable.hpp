// SPDX-License-Identifier: MIT
// The interface of a plugin's actor for hot reloads: the old code writes the state and the new code reads it;
// both are kept until one is chosen. Unless marked "any thread", a function runs in the process's own turn,
// between two messages, and never waits.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "behaviours/gen/stream_taker.hpp"
#include "host/boundary/actor_code.hpp"
#include "host/boundary/actor_origin.hpp"
#include "host/boundary/plugin_image.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::host {

struct saved_state {
  std::uint32_t version = 0;
  runtime::message term; // empty: there is no state
};

// errc::unsupported: an actor with, or without, a state cannot continue with this code.
base::status takes_over(const actor_identity& now, const actor_code& next, bool has_state);

class reloadable : public behaviours::stream_taker {
 public:
  virtual ~reloadable() = default;

  // Any thread, while the process lives.
  virtual const actor_identity& identity() const = 0;
  virtual std::uint64_t generation() const = 0;

  virtual actor_origin origin() const = 0;

  // The state, written by the running code. errc::unsupported: the code cannot write it, so nothing can be
  // carried over; errc::refused: it failed, with a text for its author.
  virtual base::result<saved_state> save(runtime::process& self) = 0;
  // Makes a second state beside the running one, with the code of this actor type in `next`. Errors as for
  // save(); after an error nothing of it is left.
  virtual base::status prepare(runtime::process& self, plugin_image& next, const actor_code& code,
                               const saved_state& saved) = 0;
  // Makes the prepared state the actor's, or drops it. Does nothing if none is prepared. The actor's
  // after_restore runs before its next message.
  virtual void go_over(runtime::process& self) = 0;
  virtual void stay(runtime::process& self) = 0;
};

} // namespace coppice::host
