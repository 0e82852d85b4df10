// SPDX-License-Identifier: MIT
// The client's end of the control socket: blocking, one request and its reply at a time, with a deadline for
// the whole exchange. Used by one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>

#include "api/exit_code.hpp"
#include "api/protocol.hpp"

namespace coppice::cli {

// Why there is no reply.
struct no_reply {
  api::exit_code code = api::exit_code::no_node;
  std::string why;
  bool forbidden = false; // a node's socket is there, but this user may not open it
  bool answered = false;  // the connection was accepted, and then closed
  std::string hint = {};  // the remedy; empty: the one for a node that does not answer
};

class client {
 public:
  // no_node: no process listens there, or this user may not connect; timed_out: the connection is not
  // accepted within `patience` (empty: for ever); usage: no socket can have that path.
  static expected<client, no_reply> connect(const std::filesystem::path& socket,
                                            std::optional<std::chrono::milliseconds> patience = std::nullopt);

  client(client&& other) noexcept;
  client& operator=(client&& other) noexcept;
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client();

  // Sends `r` and waits for its reply. `patience` empty: for ever. timed_out: no reply within it; no_node:
  // the node went away, or its answer is not a reply; failed: its answer is larger
  // than allowed, and this connection is of no more use. `slow`, which may be empty, is called once
  // if the reply has not come within a second.
  expected<api::reply, no_reply> ask(const api::request& r, std::optional<std::chrono::milliseconds> patience,
                                     std::function<void()> slow = {});

  // The largest reply in bytes, api::max_reply_bytes without this call.
  void allow(std::size_t bytes) { largest_ = bytes; }

 private:
  explicit client(int fd) : fd_(fd) {}

  int fd_ = -1;
  std::size_t largest_ = api::max_reply_bytes;
  std::string received_;
};

} // namespace coppice::cli
