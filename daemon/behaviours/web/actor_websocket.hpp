// SPDX-License-Identifier: MIT
// A client's WebSocket, and the process that it speaks with, here or on another node: what the client sends
// becomes that process's messages, and the reverse (websocket_term.hpp). Nothing is read of a client while
// the mailbox that it writes to is full; a client that takes too little is told 1013 and closed; with the
// process ends the WebSocket, by 1011, or 1000 if it is the client's own and has done its work. Below libuv
// what comes is only noted; all else is in the turn of the connection's process, which stays on one worker.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "behaviours/web/patient_sender.hpp"
#include "net/http/websocket.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class web_sites;

struct websocket_bounds {
  net::websocket_options of{};
  std::size_t backlog = 256 << 10; // bytes that wait for a client; beyond, it is closed
};

class actor_websocket final : private net::websocket::owner {
 public:
  // `self` outlives it; `is_own`: the process is there for this client alone; `name` is for the log.
  // `want_turn`: turn() is to be called, in the process's own turn.
  // `sites`, which outlives it, has the bound of messages in parts, and counts.
  actor_websocket(runtime::process& self, const runtime::pid& to, bool is_own, const websocket_bounds& bounds,
                  web_sites& sites, std::string name, std::function<void()> want_turn);

  base::result<void> begin(net::http_upgraded from) { return client_.start(std::move(from)); }

  void turn();
  // A message to the process. `notice`: it is of the runtime's own.
  void receive(const runtime::message& m, bool notice);
  // The client is told 1001, or 1012 where its server comes again.
  void end_soon(bool comes_again);

  bool closed() const { return closed_; }
  // There is nothing more to do.
  bool over() const { return closed_ && came_.empty(); }
  net::http_connection::summary ended() const { return client_.ended(); }

 private:
  void on_message(net::websocket_kind kind, std::string_view data) override;
  void on_writable() override { want_turn_(); }
  void on_closed(const net::websocket_close& why) override;

  void hand_on();
  void answer_callers();
  bool take_end(const runtime::message& m);
  // What is answered to a call.
  std::string_view take(etf::bytes order);
  void send(net::websocket_kind kind, std::string_view data);

  runtime::process& self_;
  web_sites& sites_;
  const runtime::pid to_;
  const runtime::reference monitor_;
  const bool is_own_;
  const std::size_t backlog_;
  const std::string name_;
  const std::function<void()> want_turn_;
  net::websocket client_;
  patient_sender came_{self_, "$coppice_websocket_retry"}; // of the client; nothing is read while there is
                                                           // much of it, or no room for it
  std::size_t came_bytes_ = 0;                             // about so many
  std::vector<runtime::message> callers_; // that wait until the client has taken what was written
  bool alone_ = false;                    // the process is no more
  bool closed_ = false;
};

} // namespace coppice::behaviours
