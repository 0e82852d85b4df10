// SPDX-License-Identifier: MIT
// The client's end of the control socket: blocking, one request and its reply at a time, with a
// deadline for the whole exchange. Used by one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>

#include "api/exit_code.hpp"
#include "api/protocol.hpp"

namespace coppice::cli {

// Why there is no reply at all.
struct no_reply {
  api::exit_code code = api::exit_code::no_node;
  std::string why;
  bool forbidden = false; // a node's socket is there, but not for us
  bool answered = false;  // somebody took the connection, and closed it
};

class client {
 public:
  // no_node: nothing listens there, or it may not be used by us; timed_out: it does not accept us within
  // `patience` (absent: for ever); usage: no socket can have that path.
  static expected<client, no_reply> connect(const std::filesystem::path& socket,
                                            std::optional<std::chrono::milliseconds> patience = std::nullopt);

  client(client&& other) noexcept;
  client& operator=(client&& other) noexcept;
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client();

  // Sends `r` and waits for its reply; `patience` absent: for ever. timed_out: no reply within it;
  // no_node: the node went away, or answered with something that is no reply.
  // `slow`, which may be empty, is called once if the reply has not come in a second.
  expected<api::reply, no_reply> ask(const api::request& r, std::optional<std::chrono::milliseconds> patience,
                                     std::function<void()> slow = {});

 private:
  explicit client(int fd) : fd_(fd) {}

  int fd_ = -1;
  std::string received_;
};

} // namespace coppice::cli
