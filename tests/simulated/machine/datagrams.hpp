// SPDX-License-Identifier: MIT
// UDP sockets over IPv4 of simulated hosts. A datagram is lost, doubled or late as the seed decides, and so
// overtakes others; it is lost where the way is cut. One to a port without a socket comes back as an error.
// The functions of libc are in socket_calls.cpp. The baton's holder.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "descriptors.hpp"
#include "sockets.hpp"

namespace coppice::simulated {

// What happens to datagrams between hosts. 0: nothing.
struct datagram_weather {
  std::uint64_t lost_one_in = 0;
  std::uint64_t doubled_one_in = 0;
  std::uint64_t late_one_in = 0; // so late that others overtake it
  std::uint64_t full_one_in = 0; // the socket takes nothing for some milliseconds
};
datagram_weather& weather();

// What has happened at a port of a host, over all of its sockets.
struct datagram_counts {
  std::uint64_t taken = 0; // datagrams that a program has received
  std::uint64_t sent = 0;  // datagrams that a program has sent
};
datagram_counts counts_of(unsigned host, std::uint16_t port);
// How many sockets are open at that port.
unsigned datagram_sockets(unsigned host, std::uint16_t port);

class datagram_socket final : public open_thing, public std::enable_shared_from_this<datagram_socket> {
 public:
  datagram_socket();
  short ready() override;
  void close() override;

  // Functions that return a number return errno as a negative number on failure.
  int bind(place where, bool shares);
  ssize_t send(const msghdr& message);
  ssize_t receive(msghdr& into, int flags);
  ssize_t take_report(msghdr& into);
  int set(int level, int option, int value);
  // Empty: the option has no value here.
  std::optional<int> get(int level, int option);
  std::uint32_t dropped() const { return dropped_; }
  const place& own() const { return own_; }

 private:
  struct packet {
    std::string bytes;
    place from;
    nanos when; // wall time
  };
  void send_one(const std::string& bytes, const place& to);
  void come_in(packet one);
  void refused(const place& by);

  place own_;
  bool bound_ = false;
  bool closed_ = false;
  bool shares_ = false;      // SO_REUSEPORT
  bool tells_place_ = false; // IP_PKTINFO
  bool tells_time_ = false;
  bool tells_drops_ = false;
  bool tells_errors_ = false;
  bool cuts_pieces_;     // the kernel sends a piece as several datagrams
  nanos full_until_ = 0; // it takes no datagram
  int error_ = 0;
  std::size_t room_ = 212'992;
  std::size_t waiting_bytes_ = 0;
  std::uint32_t dropped_ = 0;
  std::deque<packet> waiting_;
  std::deque<place> reports_; // of datagrams that came back
};

} // namespace coppice::simulated
