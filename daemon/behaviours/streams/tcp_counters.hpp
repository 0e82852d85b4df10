// SPDX-License-Identifier: MIT
// The counters of a listener and its connections, since the listener began. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "behaviours/streams/stream_options.hpp"
#include "metrics/counters.hpp"

namespace coppice::behaviours {

struct tcp_counters final : metrics::counters {
  metrics::gauge open{*this, "tcp_connections", "Connections that are open"};
  metrics::counter accepted{*this, "tcp_accepted", "Connections that were accepted"};
  metrics::counter denied{*this, "tcp_denied", "Connections that were closed by access"};
  metrics::counter shed{*this, "tcp_shed", "Connections that were closed because there were too many"};
  metrics::counter failed{*this, "tcp_failed", "Connections whose actor could not be started"};
  metrics::counter crashed{*this, "tcp_crashed", "Connections whose actor failed"};
  metrics::counter read{*this, "tcp_read_bytes", "Bytes of connections that have ended"};
  metrics::counter written{*this, "tcp_written_bytes", "Bytes of connections that have ended"};
  std::array<metrics::number, stream_ends> ended{}; // by stream_end
  std::atomic<bool> suspended{false};               // by an operator: it accepts no connection now

  tcp_counters() {
    show(metrics::kind::counter, "tcp_ended", "Connections that have ended, by how",
         [this](metrics::samples& to) {
           for (std::size_t how = 0; how < stream_ends; ++how)
             if (const std::uint64_t count = ended[how].value(); count != 0)
               to.add({{"how", text(static_cast<stream_end>(how))}}, count);
         });
  }

  void count_end(stream_end how, std::uint64_t bytes_read, std::uint64_t bytes_written) {
    ended[static_cast<std::size_t>(how)].add();
    read.add(bytes_read);
    written.add(bytes_written);
  }
};

} // namespace coppice::behaviours
