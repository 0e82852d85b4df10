// SPDX-License-Identifier: MIT
// Sends and exits that a process of the node makes for another process, the asker. A receiver decides by a
// message's origin what it accepts: allow lists, the shield against exits from other nodes, mailbox bounds.
// So that a peer cannot get around these through one of the node's services, such a message has the asker's
// pid as sender and the asker's node as origin, and counts as if it had come by that node's connection. The
// sending process never waits for room; it may yield while a long message is checked. In the process's own
// turn.
#pragma once

#include <optional>

#include "runtime/process.hpp"

namespace coppice::runtime {

class on_behalf {
 public:
  // nullopt: `asker`, a pid from the message that is being handled, is not of the node that sent the message.
  static std::optional<on_behalf> of(process& self, const pid& asker);
  // The asker is not known; only the node from which the message that is being handled came.
  static on_behalf of_origin(process& self);
  // The caller has made sure that `asker` did ask.
  on_behalf(process& self, const pid& asker) : self_(self), asker_(asker) {}

  const pid& asker() const { return asker_; }
  // Sends to a process of this node or of the asker's node. In the latter case the sender is this process.
  // For any other node: `nodedown`, and nothing is sent.
  send_status send(const destination& to, message m) const;
  // Answers the asker. Does not count against a mailbox's bound.
  send_status answer(message m) const;
  // exit/2 to a process of this node or of the asker's node. For any other node: `nodedown`.
  send_status exit(const pid& to, message reason) const;

 private:
  send_status dispatch(const destination& to, signal_kind what, message payload) const;

  process& self_;
  pid asker_;
};

} // namespace coppice::runtime
