// SPDX-License-Identifier: MIT
// Stream sockets of simulated hosts: TCP over IPv4, and unix sockets. The functions of libc are in
// socket_calls.cpp. The baton's holder.
#pragma once

#include <sys/socket.h>

#include <cerrno>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "descriptors.hpp"
#include "network.hpp"

namespace coppice::simulated {

class stream_socket;
using socket_handle = std::shared_ptr<stream_socket>;

// A port of a host, or a path.
struct place {
  unsigned host = 0;
  std::uint16_t port = 0;
  std::string path; // empty: no unix socket
  bool operator<(const place& other) const;
};

// The two ends and the bytes on the way between them. End 0 is the one that connected.
struct connection {
  std::array<std::weak_ptr<stream_socket>, 2> ends;
  std::array<std::shared_ptr<wire>, 2> wires; // from end 0, from end 1
};

class stream_socket final : public open_thing, public std::enable_shared_from_this<stream_socket> {
 public:
  explicit stream_socket(int family) : family_(family) {}

  short ready() override;
  ssize_t read(std::span<const iovec> into) override;
  ssize_t write(std::span<const iovec> from) override;
  int unread() override { return static_cast<int>(incoming_.size()); }
  void close() override;

  // Functions that return a number return errno as a negative number on failure.
  int bind(place where);
  int listen(int backlog);
  int connect(const place& to); // -EINPROGRESS: it is under way
  int shut(int how);
  socket_handle accept(); // null: no connection waits
  int take_error() { return std::exchange(error_, 0); }
  void close_at_once() { at_once_ = true; } // SO_LINGER of 0
  bool is_connecting() const { return state_ == state::connecting; }
  bool is_connected() const { return state_ == state::connected; }
  bool is_closed() const { return state_ == state::closed; }
  bool listens() const { return state_ == state::listening; }
  int family() const { return family_; }
  const place& own() const { return own_; }
  const place& other() const { return other_; }

  // The network has lost the connection.
  void break_off() { reset(ECONNRESET); }
  // Connects two sockets, for socketpair(2).
  static void join(const socket_handle& first, const socket_handle& last);

 private:
  enum class state : std::uint8_t { fresh, bound, listening, connecting, connected, closed };

  static void tie(const std::shared_ptr<connection>& both, std::size_t end, const socket_handle& one,
                  const place& own, const place& other);
  stream_socket* peer() const;
  std::size_t space() const;
  // Sends to the other end by the wire. Nothing happens if that end is closed when this arrives.
  void send(std::function<void(stream_socket&)> arrives);
  void come_in(const std::string& bytes);
  void reset(int why);

  int family_;
  state state_ = state::fresh;
  place own_;
  place other_;
  std::shared_ptr<connection> both_;
  std::size_t end_ = 0;
  std::string incoming_;
  std::size_t on_the_way_ = 0; // bytes sent from here that have not reached the other end
  std::size_t room_ = 65'536;  // for incoming bytes
  bool ended_ = false;         // the other end sends no more
  bool shut_ = false;          // this end sends no more
  bool broken_ = false;        // by a reset
  bool at_once_ = false;
  int error_ = 0;
  std::deque<socket_handle> backlog_;
  std::size_t most_backlog_ = 0;
};

// How many unclosed ends of connections the host has at that port of its own.
unsigned open_ends(unsigned host, std::uint16_t port);
// Resets each open connection between these hosts.
void reset_connections(unsigned a, unsigned b);

} // namespace coppice::simulated
