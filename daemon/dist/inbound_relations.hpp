// SPDX-License-Identifier: MIT
// What a peer sends that is no message: links, monitors, exits, and their ends. Each is noted among the
// relations before the process here hears of it, so that a lost connection finds it. One thread, the
// connection's.
#pragma once

#include "dist/connection_context.hpp"
#include "dist/outbound.hpp"
#include "dist/unpacker.hpp"

namespace coppice::dist {

// Of altact_sig_send: what has priority goes before what waits.
inline bool asks_for_priority(const control_message& c) {
  return c.what == op::altact_sig_send && (c.flags & altact::priority) != 0;
}

class inbound_relations {
 public:
  inbound_relations(connection_context& of, outbound& replies) : context_(of), replies_(replies) {}

  // False: nothing that a process of the peer's may do to one of ours. altact_sig_send is an exit here.
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
