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
  std::string path; // not empty: a unix socket
  bool operator<(const place& other) const;
};

// Two ends and what is on the way between them. End 0 is the one that connected.
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

  // Negative: errno.
  int bind(place where);
  int listen(int backlog);
  int connect(const place& to); // -EINPROGRESS: it is on its way
  int shut(int how);
  socket_handle accept(); // null: nobody waits
  int take_error() { return std::exchange(error_, 0); }
  void close_at_once() { at_once_ = true; } // SO_LINGER of 0
  bool is_connecting() const { return state_ == state::connecting; }
  bool is_connected() const { return state_ == state::connected; }
  bool is_closed() const { return state_ == state::closed; }
  bool listens() const { return state_ == state::listening; }
  int family() const { return family_; }
  const place& own() const { return own_; }
  const place& other() const { return other_; }

  // socketpair(2).
  // The network has lost it.
  void break_off() { reset(ECONNRESET); }
  static void join(const socket_handle& first, const socket_handle& last);

 private:
  enum class state : std::uint8_t { fresh, bound, listening, connecting, connected, closed };

  static void tie(const std::shared_ptr<connection>& both, std::size_t end, const socket_handle& one,
                  const place& own, const place& other);
  stream_socket* peer() const;
  std::size_t space() const;
  // To the other end, by the wire, unless it is closed when this arrives.
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
  std::size_t on_the_way_ = 0; // from here, not at the other end yet
  std::size_t room_ = 65'536;  // for what comes in
  bool ended_ = false;         // the other end sends no more
  bool shut_ = false;          // this end sends no more
  bool broken_ = false;        // by a reset
  bool at_once_ = false;
  int error_ = 0;
  std::deque<socket_handle> backlog_;
  std::size_t most_backlog_ = 0;
};

// How many ends of connections the host has at that port of its own that are not closed.
unsigned open_ends(unsigned host, std::uint16_t port);
// Resets each connection between these hosts that lives.
void reset_connections(unsigned a, unsigned b);

} // namespace coppice::simulated
