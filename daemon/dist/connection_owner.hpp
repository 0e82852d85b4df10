// SPDX-License-Identifier: MIT
// Callbacks from a connection to the router that owns it: its end, and that less is queued; and what a
// connection needs of the node as a whole (the handler of spawn requests, the bound of incomplete messages).
// Called on the connection's thread.
#pragma once

#include "base/error.hpp"
#include "dist/spawn.hpp"
#include "dist/unfinished_messages.hpp"

namespace coppice::dist {

class connection;

class connection_owner {
 public:
  // The connection has ended; it takes and sends nothing more. The owner first removes it from its tables,
  // then tells the processes concerned and destroys it, so that whatever they do next finds no connection.
  // The owner holds no lock when this is called.
  virtual void lost(connection& gone, const base::error& why) = 0;
  // Fewer bytes wait to be sent than before.
  virtual void drained(connection& of) = 0;
  virtual const spawn_handler& spawns() const = 0;
  virtual unfinished_messages& unfinished() = 0;

 protected:
  ~connection_owner() = default;
};

} // namespace coppice::dist
