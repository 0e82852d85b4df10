// SPDX-License-Identifier: MIT
// The node's own named event, `coppice.node`: what happens to the node, as the log tells it, for processes
// that want to act on it. Its payload is a map: `event`, an atom (the names of base/log_event.hpp), `text`,
// the sentence in the log, and `fields`, a map of atoms to binaries.
#pragma once

#include "behaviours/channels/event_channels.hpp"

namespace coppice::node {

class node_events {
 public:
  static constexpr const char* name = "coppice.node";
  static behaviours::declared_event declaration();

  // While it lives, what is logged as an event is published in `to`, which outlives it. One in a program.
  explicit node_events(behaviours::event_channels& to);
  ~node_events();
  node_events(const node_events&) = delete;
  node_events& operator=(const node_events&) = delete;
};

} // namespace coppice::node
