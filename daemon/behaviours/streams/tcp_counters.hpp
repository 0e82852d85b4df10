// SPDX-License-Identifier: MIT
// What a listener and its connections count. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "behaviours/gen/engine_board.hpp"
#include "behaviours/streams/stream_options.hpp"

namespace coppice::behaviours {

struct tcp_counters {
  using number = std::atomic<std::uint64_t>;
  number open{0};     // now
  number accepted{0}; // since the listener began, as all below
  number denied{0};   // by `access`
  number shed{0};     // there being too many
  number failed{0};   // whose actor could not be started
  number crashed{0};  // whose actor failed
  number read{0};     // bytes, of connections that have ended
  number written{0};
  std::atomic<bool> suspended{false};      // by an operator: it accepts nobody now
  std::array<number, stream_ends> ended{}; // by stream_end

  static void count(number& of, std::uint64_t by = 1) { of.fetch_add(by, std::memory_order_relaxed); }
  void count_end(stream_end how, std::uint64_t bytes_read, std::uint64_t bytes_written) {
    count(ended[static_cast<std::size_t>(how)]);
    count(read, bytes_read);
    count(written, bytes_written);
  }
};

using tcp_board = engine_board<tcp_counters>;

} // namespace coppice::behaviours
