// SPDX-License-Identifier: MIT
// What a process of the node does because another process, the asker, asked for it. Other nodes may ask the
// node's services for much, and a receiver decides by a message's origin what it takes: allow lists, the
// shield against exits of other nodes, mailbox bounds. So what is done for an asker is sent in the asker's
// name: with its pid as sender, its node as origin, and counted as if it had come by that node's connection.
// The process that sends never parks. In the process's own turn.
#pragma once

#include <optional>

#include "runtime/process.hpp"

namespace coppice::runtime {

class on_behalf {
 public:
  // Nothing: `asker`, which the message that is being handled names, is not of the node it came from.
  static std::optional<on_behalf> of(process& self, const pid& asker);
  // Some process of the node that the message which is being handled came from.
  static on_behalf of_origin(process& self);
  // The caller has made sure that `asker` did ask.
  on_behalf(process& self, const pid& asker) : self_(self), asker_(asker) {}

  const pid& asker() const { return asker_; }
  // To a process here, or on the asker's node, where the sender is this process. Sent to any other node it
  // is dropped: `nodedown`.
  send_status send(const destination& to, message m) const;
  // An answer to the asker; a mailbox's bound counts none.
  send_status answer(message m) const;
  // exit/2 to a process here or on the asker's node; to any other node none is sent.
  send_status exit(const pid& to, message reason) const;

 private:
  send_status dispatch(const destination& to, signal_kind what, message payload) const;

  process& self_;
  pid asker_;
};

} // namespace coppice::runtime
