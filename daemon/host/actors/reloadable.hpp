// SPDX-License-Identifier: MIT
// What a behaviour whose callbacks come from a plugin offers to a hot reload: its state written by the old
// code and read by the new one, both kept side by side until one of them is chosen. Unless it says "any
// thread" a function is for the process's own turn, between two messages, and never waits.
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

// errc::unsupported: such an actor with, or without, a state can't become one of this code with it.
base::status takes_over(const actor_identity& now, const actor_code& next, bool has_state);

class reloadable : public behaviours::stream_taker {
 public:
  virtual ~reloadable() = default;

  // Any thread, while the process lives.
  virtual const actor_identity& identity() const = 0;
  virtual std::uint64_t generation() const = 0;

  virtual actor_origin origin() const = 0;

  // The state as the running code writes it. errc::unsupported: it cannot, so that nothing can be carried
  // over; errc::refused: it failed, in words for its author.
  virtual base::result<saved_state> save(runtime::process& self) = 0;
  // Makes a second state beside the running one, by the code that `next` has for this actor type. Errors as
  // for save(), and nothing is left of it then.
  virtual base::status prepare(runtime::process& self, plugin_image& next, const actor_code& code,
                               const saved_state& saved) = 0;
  // Chooses: what was prepared becomes the actor, or goes. Without anything prepared nothing happens. What
  // has become the actor hears of it before its next message, by after_restore.
  virtual void go_over(runtime::process& self) = 0;
  virtual void stay(runtime::process& self) = 0;
};

} // namespace coppice::host
