// SPDX-License-Identifier: MIT
// The node's named event `coppice.node`: it publishes the events of the log for processes that want to act on
// them. The payload is a map: `event`, an atom (a name of base/log_event.hpp), `text`, the sentence in the
// log, and `fields`, a map of atoms to binaries.
#pragma once

#include "behaviours/channels/event_channels.hpp"

namespace coppice::node {

class node_events {
 public:
  static constexpr const char* name = "coppice.node";
  static behaviours::declared_event declaration();

  // While it lives, every event of the log is published in `to`, which outlives it. One in each program.
  explicit node_events(behaviours::event_channels& to);
  ~node_events();
  node_events(const node_events&) = delete;
  node_events& operator=(const node_events&) = delete;
};

} // namespace coppice::node
