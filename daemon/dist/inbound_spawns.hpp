// SPDX-License-Identifier: MIT
// Spawn requests: answers those of the peer at once, and takes the peer's answers to ours. The answer reaches
// the requesting process before any signal of the new process, because both come by this connection in order.
// The connection's thread.
#pragma once

#include "dist/connection_context.hpp"
#include "dist/outbound.hpp"
#include "dist/spawn.hpp"
#include "dist/unpacker.hpp"

namespace coppice::dist {

class inbound_spawns {
 public:
  // `handler` may be empty and may change; it outlives this object.
  inbound_spawns(connection_context& of, outbound& replies, const spawn_handler& handler)
      : context_(of), replies_(replies), handler_(handler) {}

  // False: not a valid request of the peer, or not an answer to a request of ours.
  bool handle_request(unpacked& in);
  bool handle_reply(const control_message& c);
  // Answers a request whose arguments were dropped. False: it is not a request that can be answered.
  bool refuse(const control_message& c, std::string_view why);

 private:
  // Reads the requesting process, the reference and the group leader. False: not a valid request.
  bool read(const control_message& c, spawn_request& into) const;
  void answer(const spawn_request& request);
  void reply(const spawn_request& request, const expected<runtime::pid, std::string>& made);

  connection_context& context_;
  outbound& replies_;
  const spawn_handler& handler_;
};

} // namespace coppice::dist
