// SPDX-License-Identifier: MIT
// A TCP connection of a workload's client, or one to a unix socket. The client speaks to a listener of the
// product as an outside program would: by libuv alone, without code of the product in between. The client is
// a process. All of this is for the thread of its loop.
// rooms: node
#pragma once

#include <uv.h>

#include <string>

#include "runtime/process.hpp"

namespace coppice::simulated {

class client_socket {
 public:
  // Begins to connect. The owner gets a turn (take_io) when any of the values below has changed. Null:
  // the connection cannot begin.
  static client_socket* open(runtime::process& owner, uv_loop_t* loop, unsigned host, int port);
  // The same, to the unix socket at that path of the owner's host.
  static client_socket* open_local(runtime::process& owner, uv_loop_t* loop, const std::string& path);
  client_socket(const client_socket&) = delete;
  client_socket& operator=(const client_socket&) = delete;

  bool connected() const { return connected_; }
  // No more bytes come. `error`: 0, or libuv's negative number if the connection broke.
  bool over() const { return over_; }
  int error() const { return error_; }
  // The received bytes that the owner has not removed yet.
  std::string& came() { return came_; }

  void start_reading();
  void stop_reading();
  void send(std::string bytes);
  // Ends this direction after all that was sent.
  void half_close();
  // The owner leaves the connection: the handle closes, and this object is destroyed with it. `at_once`: by
  // a reset.
  void leave(bool at_once = false);

 private:
  client_socket() = default;
  ~client_socket() = default;
  static client_socket* make(runtime::process& owner);
  static void on_connected(uv_connect_t* request, int status);
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
  void tell();
  void broke(int error);

  union {
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle_{};
  uv_connect_t connect_{};
  uv_shutdown_t shutdown_{};
  runtime::process* owner_ = nullptr; // null: the owner has left
  std::string came_;
  bool connected_ = false;
  bool over_ = false;
  int error_ = 0;
};

} // namespace coppice::simulated
