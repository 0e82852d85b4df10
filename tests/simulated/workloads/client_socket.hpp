// SPDX-License-Identifier: MIT
// A TCP connection of a workload's client, which speaks to a listener of the product as a program from
// elsewhere would: by libuv alone, with no code of the product in between. The client is a process, and its
// loop's thread has all of this.
// rooms: node
#pragma once

#include <uv.h>

#include <string>

#include "runtime/process.hpp"

namespace coppice::simulated {

class client_socket {
 public:
  // Begins to connect. The process gets a turn (receive_io) when any of what is below has changed. Null: the
  // connection cannot begin.
  static client_socket* open(runtime::process& owner, uv_loop_t* loop, unsigned host, int port);
  client_socket(const client_socket&) = delete;
  client_socket& operator=(const client_socket&) = delete;

  bool connected() const { return connected_; }
  // Nothing comes any more. `error`: 0, or the negative number of libuv if the connection broke.
  bool over() const { return over_; }
  int error() const { return error_; }
  // What has come and was not taken off by the owner yet.
  std::string& came() { return came_; }

  void start_reading();
  void stop_reading();
  void send(std::string bytes);
  // After all that was sent: this end sends no more.
  void half_close();
  // The owner has left it: the handle closes, and this object ends with it. By a reset, if `at_once`.
  void leave(bool at_once = false);

 private:
  client_socket() = default;
  ~client_socket() = default;
  void tell();
  void broke(int error);

  uv_tcp_t tcp_{};
  uv_connect_t connect_{};
  uv_shutdown_t shutdown_{};
  runtime::process* owner_ = nullptr; // null: it has left
  std::string came_;
  bool connected_ = false;
  bool over_ = false;
  int error_ = 0;
};

} // namespace coppice::simulated
