// SPDX-License-Identifier: MIT
// Spawn requests: those of the peer, each answered at once, and the peer's answers to ours. An answer is the
// first a process hears of the one made for it: both come by way of this connection, in order. One thread,
// the connection's.
#pragma once

#include "dist/connection_context.hpp"
#include "dist/outbound.hpp"
#include "dist/spawn.hpp"
#include "dist/unpacker.hpp"

namespace coppice::dist {

class inbound_spawns {
 public:
  // `handler` may be empty and change; it outlives this.
  inbound_spawns(connection_context& of, outbound& replies, const spawn_handler& handler)
      : context_(of), replies_(replies), handler_(handler) {}

  // False: nothing a process of the peer's may ask, or was asked.
  bool handle_request(unpacked& in);
  bool handle_reply(const control_message& c);
  // Answers a request that was not taken whole. False: it is none that has an answer.
  bool refuse(const control_message& c, std::string_view why);

 private:
  // Who asks, by which reference, and the leader of the new process; false: it is no such request.
  bool read(const control_message& c, spawn_request& into) const;
  void answer(const spawn_request& request);
  void reply(const spawn_request& request, const expected<runtime::pid, std::string>& made);

  connection_context& context_;
  outbound& replies_;
  const spawn_handler& handler_;
};

} // namespace coppice::dist
