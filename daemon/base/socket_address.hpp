// SPDX-License-Identifier: MIT
// An IPv4 or IPv6 address with a port, parsed from text, printed, and converted from and to sockaddr. Only
// numbers: names are not resolved here (net/ does that). Any thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::base {

class socket_address {
 public:
  // 0.0.0.0:0
  socket_address();

  // `host` is 127.0.0.1, ::1, [::1] or fe80::1%eth0.
  static result<socket_address> parse(std::string_view host, std::uint16_t port);
  // 127.0.0.1:4369 or [::1]:4369.
  static result<socket_address> parse(std::string_view host_and_port);
  // `length` is the length that the system call returned. errc::unsupported: another address family.
  static result<socket_address> from_raw(const sockaddr* raw, socklen_t length);

  bool is_ipv6() const { return storage_.any.sa_family == AF_INET6; }
  // 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped into IPv6.
  bool is_loopback() const;
  // 0.0.0.0 or ::
  bool is_any() const;
  // A multicast group: 224.0.0.0/4 or ff00::/8.
  bool is_multicast() const;
  std::uint16_t port() const;
  void set_port(std::uint16_t port);

  const sockaddr* raw() const { return &storage_.any; }
  socklen_t raw_length() const;

  std::string host() const;      // 127.0.0.1, ::1
  std::string to_string() const; // 127.0.0.1:4369, [::1]:4369

  bool operator==(const socket_address& other) const;

 private:
  union storage {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  storage storage_;
};

} // namespace coppice::base
