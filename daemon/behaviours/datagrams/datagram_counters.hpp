// SPDX-License-Identifier: MIT
// The counters of an actor with UDP sockets, over all its sockets, since it was first started. Any thread.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours {

struct datagram_counters final : metrics::counters {
  using number = metrics::number;

  metrics::counter received{*this, "udp_received", "Datagrams that have come"};
  metrics::counter sent{*this, "udp_sent", "Datagrams that were sent"};
  metrics::counter too_long{*this, "udp_too_long", "Datagrams dropped for being longer than max_datagram"};
  metrics::counter kernel_dropped{*this, "udp_kernel_dropped",
                                  "Datagrams dropped by the kernel, the receive buffer being full"};
  metrics::counter refused{*this, "udp_refused", "Datagrams not sent, the socket being full"};
  metrics::counter errors{*this, "udp_errors", "Errors the network told of what was sent"};
};

} // namespace coppice::behaviours
