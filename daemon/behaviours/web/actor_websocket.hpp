// SPDX-License-Identifier: MIT
// A client's WebSocket and the process that it talks to, here or on another node. The client's messages
// become messages to that process, and messages of processes are sent to the client (websocket_term.hpp).
// Nothing is read from the client while that process's mailbox is full. A client that takes too little is
// closed with 1013. When the process ends, the WebSocket is closed with 1011, or with 1000 if the process was
// made for this client and ended normally. libuv's callbacks only record what comes; everything else runs in
// a turn of the connection's process, which stays on one worker.
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
  std::size_t backlog = 256 << 10; // bytes queued for a client; beyond, it is closed
};

class actor_websocket final : private net::websocket::owner {
 public:
  // `self` outlives it. `is_own`: the process `to` was made for this client alone. `name` is for the log.
  // `want_turn` asks for a call of turn() in the connection's process. `sites` bounds incomplete messages and
  // counts slow clients; it outlives this object.
  actor_websocket(runtime::process& self, const runtime::pid& to, bool is_own, const websocket_bounds& bounds,
                  web_sites& sites, std::string name, std::function<void()> want_turn);

  base::result<void> begin(net::http_upgraded from) { return client_.start(std::move(from)); }

  void turn();
  // Takes a message to the connection's process. `notice`: the runtime itself sent it.
  void receive(const runtime::message& m, bool notice);
  // Closes with 1001 (going away), or with 1012 (service restart) if `comes_again`.
  void end_soon(bool comes_again);

  bool closed() const { return closed_; }
  // How long what a client sent before it left may wait for room in the mailbox of its process.
  base::nanos leave_time() const { return leave_time_; }
  // Whether everything is done: closed, and all that the client sent was delivered.
  bool over() const { return closed_ && came_.empty(); }
  net::http_connection::summary ended() const { return client_.ended(); }

 private:
  void on_message(net::websocket_kind kind, std::string_view data) override;
  void on_writable() override { want_turn_(); }
  void on_closed(const net::websocket_close& why) override;

  void hand_on();
  void answer_callers();
  bool take_end(const runtime::message& m);
  // Returns the error of the answer to a call; empty: ok.
  std::string_view take(etf::bytes order);
  void send(net::websocket_kind kind, std::string_view data);

  runtime::process& self_;
  web_sites& sites_;
  const runtime::pid to_;
  const runtime::reference monitor_;
  const bool is_own_;
  const std::size_t backlog_;
  const base::nanos leave_time_;
  const std::string name_;
  const std::function<void()> want_turn_;
  net::websocket client_;
  patient_sender came_{self_, "$coppice_websocket_retry"}; // from the client; nothing is read while much of
                                                           // it, or anything that was refused, is kept
  std::size_t came_bytes_ = 0;                             // approximately
  std::vector<runtime::message> callers_; // answered when the client has taken what was written
  bool alone_ = false;                    // the process has ended
  bool closed_ = false;
};

} // namespace coppice::behaviours
