// SPDX-License-Identifier: MIT
// Totals of the routers of one type, for metrics. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace coppice::host {

// A plain copy. Messages, calls and casts are counted since the node's start, including routers that have
// ended.
struct router_counts {
  std::string type; // PLUGIN:ACTOR
  std::uint64_t running = 0;
  std::uint64_t passed = 0;    // sent to their destination
  std::uint64_t failed = 0;    // could not be sent, or the call got no answer
  std::uint64_t discarded = 0; // dropped by discard()
  std::uint64_t own = 0;       // handled by the router itself
};

// The counters.
struct router_totals {
  using number = std::atomic<std::uint64_t>;
  number running{0}, passed{0}, failed{0}, discarded{0}, own{0};

  static void count(number& of) { of.fetch_add(1, std::memory_order_relaxed); }
  void end() { running.fetch_sub(1, std::memory_order_relaxed); }
  router_counts read(std::string type) const {
    const auto value = [](const number& of) { return of.load(std::memory_order_relaxed); };
    return {std::move(type), value(running), value(passed), value(failed), value(discarded), value(own)};
  }
};

} // namespace coppice::host
