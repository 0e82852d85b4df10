// SPDX-License-Identifier: MIT
// Logs overload as events (base/log_event.hpp), which also reach `coppice.node`: mailboxes that dropped
// messages or made senders wait, pools that refused requests, named events whose subscribers missed some, and
// scarce memory. A process looks at the existing counters from time to time. Each place is logged at most
// once a minute, with the increase since its last event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/channels/event_channels.hpp"
#include "metrics/board.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// Remembers what was logged for each place. Each look calls begin(), news() for every place, and end(). One
// thread.
class overload_ledger {
 public:
  static constexpr base::nanos between = 60 * base::nanos_per_second; // between two events of one place
  static constexpr std::size_t most_at_once = 10; // events of one look; others follow in later looks

  void begin(base::nanos now);
  // The increase of `total` since the last event of `place` if an event is due now, otherwise 0. `total` only
  // grows; a smaller value than before starts the count again.
  std::uint64_t news(const std::string& place, std::uint64_t total);
  // Forgets the places that were not asked about in this look.
  void end();
  // Whether the last look left an event for later.
  bool holds_back() const { return holds_back_; }

 private:
  struct told {
    std::uint64_t total = 0;
    base::nanos at = 0;
    bool ever = false;
    bool seen = false; // news() was called for it in this look
  };
  std::map<std::string, told> places_;
  base::nanos now_ = 0;
  std::size_t left_ = 0;
  bool holds_back_ = false;
};

// Both outlive the system's processes.
base::status start_overload_watch(runtime::system& host, const metrics::board& counted,
                                  const behaviours::event_channels& events);

} // namespace coppice::node
