// SPDX-License-Identifier: MIT
// The values of UDP in this room: a datagram that was received, one that is to be sent, and an error that the
// network reported about an earlier one. A peer's address is a value, so an answer may leave at any time. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// bytes; the most that UDP over IPv4 carries
constexpr std::size_t largest_datagram = 65507;

struct datagram {
  base::bytes_span bytes{};    // points into the receiver's buffer; may be empty
  base::socket_address peer{}; // its port may be 0 if the packet was forged; nothing can be sent there
  // Our address that it was sent to, from which the answer should leave. For multicast over IPv4 the address
  // of the interface; nothing for multicast over IPv6.
  std::optional<base::socket_address> local{};
  base::nanos when = 0;  // wall time at which the kernel got it; 0: unknown
  std::size_t whole = 0; // its length in bytes; more than bytes.size() if it was truncated

  bool truncated() const { return whole > bytes.size(); }
};

struct outgoing_datagram {
  base::bytes_span bytes{};
  base::socket_address peer{};
  std::optional<base::socket_address> from{}; // an address of this machine; its port is ignored
};

// A datagram sent earlier did not arrive, as ICMP or the kernel reports.
struct datagram_error {
  std::optional<base::socket_address> peer{}; // the destination of that datagram; empty: unknown
  int number = 0;                             // an errno value: ECONNREFUSED if nothing listens on the port
};

} // namespace coppice::net
