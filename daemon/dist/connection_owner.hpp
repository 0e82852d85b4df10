// SPDX-License-Identifier: MIT
// Whom a connection belongs to. The connection's thread.
#pragma once

#include "base/error.hpp"
#include "dist/spawn.hpp"
#include "dist/unfinished_messages.hpp"

namespace coppice::dist {

class connection;

class connection_owner {
 public:
  // The end: `gone` hears and sends nothing more. The owner takes it out of its tables, tells the processes
  // that had to do with it, and destroys it, so that what they do next already finds it gone. Nothing of the
  // owner is locked when this is called.
  virtual void lost(connection& gone, const base::error& why) = 0;
  // Less waits to be sent than before.
  virtual void drained(connection& of) = 0;
  virtual const spawn_handler& spawns() const = 0;
  virtual unfinished_messages& unfinished() = 0;

 protected:
  ~connection_owner() = default;
};

} // namespace coppice::dist
