// SPDX-License-Identifier: MIT
// Signals of a peer that are not messages: links, monitors, exits, and their ends. Each is recorded in the
// relations before the process here is told, so that the loss of the connection finds it. The connection's
// thread.
#pragma once

#include "dist/connection_context.hpp"
#include "dist/outbound.hpp"
#include "dist/unpacker.hpp"

namespace coppice::dist {

// Whether an altact_sig_send has priority, so that it passes what waits.
inline bool asks_for_priority(const control_message& c) {
  return c.what == op::altact_sig_send && (c.flags & altact::priority) != 0;
}

class inbound_relations {
 public:
  inbound_relations(connection_context& of, outbound& replies) : context_(of), replies_(replies) {}

  // False: the peer may not do this to a process here. An altact_sig_send is an exit here.
  bool handle(unpacked& in);

 private:
  bool handle_link(const control_message& c);
  bool handle_unlink(const control_message& c);
  bool handle_unlink_ack(const control_message& c);
  bool handle_exit(unpacked& in);
  bool handle_exit2(unpacked& in);
  bool handle_monitor(const control_message& c);
  bool handle_demonitor(const control_message& c);
  bool handle_down(unpacked& in);
  bool handle_group_leader(const control_message& c);

  connection_context& context_;
  outbound& replies_;
};

} // namespace coppice::dist
