// SPDX-License-Identifier: MIT
// The counters of one connection: messages, bytes, queue, ticks, links and monitors. They are plain relaxed
// atomics, because only the connection's thread writes them and nothing is decided by the order of their
// values. Any thread reads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "dist/options.hpp"

namespace coppice::dist {

class connection_counters {
 public:
  void received(std::size_t messages) { add(messages_in_, messages); }
  void sent(std::size_t messages = 1) { add(messages_out_, messages); }
  void dropped(std::size_t messages = 1) { add(dropped_, messages); }

  void heard(base::nanos wall) { heard_.store(wall, relaxed); }
  void set_bytes(std::uint64_t in, std::uint64_t out) {
    bytes_in_.store(in, relaxed);
    bytes_out_.store(out, relaxed);
  }
  void set_queued(std::size_t bytes) { queued_.store(bytes, relaxed); }
  void set_relations(std::size_t links, std::size_t monitors) {
    links_.store(links, relaxed);
    monitors_.store(monitors, relaxed);
  }
  void set_silent_ticks(std::uint32_t ticks) { silent_ticks_.store(ticks, relaxed); }

  // Copies the counters. Queued bytes are added to those in `into`.
  void read(peer_info& into) const {
    into.messages_in = messages_in_.load(relaxed);
    into.messages_out = messages_out_.load(relaxed);
    if (const auto heard = heard_.load(relaxed); heard != 0) into.heard = heard;
    into.bytes_in = bytes_in_.load(relaxed);
    into.bytes_out = bytes_out_.load(relaxed);
    into.queued += queued_.load(relaxed);
    into.dropped = dropped_.load(relaxed);
    into.silent_ticks = silent_ticks_.load(relaxed);
    into.links = links_.load(relaxed);
    into.monitors = monitors_.load(relaxed);
  }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  using counter = std::atomic<std::uint64_t>;

  static void add(counter& to, std::size_t count) { to.store(to.load(relaxed) + count, relaxed); }

  counter messages_in_{0};
  counter messages_out_{0};
  counter bytes_in_{0};
  counter bytes_out_{0};
  counter queued_{0};
  counter dropped_{0};
  counter links_{0};
  counter monitors_{0};
  std::atomic<base::nanos> heard_{0};
  std::atomic<std::uint32_t> silent_ticks_{0};
};

} // namespace coppice::dist
