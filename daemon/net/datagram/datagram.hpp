// SPDX-License-Identifier: MIT
// What comes in and goes out by UDP, and what the network says of it. A peer's address is a value: an answer
// may leave whenever, and goes to whom it is for. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// The most that UDP over IPv4 carries.
constexpr std::size_t largest_datagram = 65507;

struct datagram {
  base::bytes_span bytes{};    // of the receiver's buffer; none is a datagram too
  base::socket_address peer{}; // its port may be 0 where somebody made it up: nothing can be sent there
  // The address of ours it came to, for the answer to leave from; of multicast the one of its interface,
  // where the kernel tells.
  std::optional<base::socket_address> local{};
  base::nanos when = 0;  // the kernel got it, wall time; 0: not told
  std::size_t whole = 0; // bytes it had; more than `bytes` has if it was truncated

  bool truncated() const { return whole > bytes.size(); }
};

struct outgoing_datagram {
  base::bytes_span bytes{};
  base::socket_address peer{};
  std::optional<base::socket_address> from{}; // an address of this machine; its port does not count
};

// What was sent did not arrive: ICMP's answer, or the kernel's own.
struct datagram_error {
  std::optional<base::socket_address> peer{}; // to whom it was sent, where that is told
  int number = 0;                             // errno's: ECONNREFUSED for a port nobody listens on
};

} // namespace coppice::net
