// SPDX-License-Identifier: MIT
// Tells of overload as events of the log (base/log_event.hpp), and so of `coppice.node`: mailboxes that
// dropped messages or had senders wait, pools that refused requests, named events whose subscribers lost
// some, and memory that is scarce. It looks at what is counted anyway, now and then, in the turns of a
// process of its own; each place is told of at most once a minute, with what has come since the last time.
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

// What was told of whom. A look is begun, asks of every place there is, and is ended. One thread.
class overload_ledger {
 public:
  static constexpr base::nanos between = 60 * base::nanos_per_second; // two events of one place
  static constexpr std::size_t most_at_once = 10;                     // events of a look; others follow

  void begin(base::nanos now);
  // What came since `place` was told of, if that is to be told now, else 0. `total` only grows; less than
  // before: it counts anew.
  std::uint64_t news(const std::string& place, std::uint64_t total);
  // Places that were not asked of are forgotten.
  void end();
  // In the last look something was not told yet.
  bool holds_back() const { return holds_back_; }

 private:
  struct told {
    std::uint64_t total = 0;
    base::nanos at = 0;
    bool ever = false;
    bool seen = false; // in this look
  };
  std::map<std::string, told> places_;
  base::nanos now_ = 0;
  std::size_t left_ = 0;
  bool holds_back_ = false;
};

// Both boards outlive the system's processes.
base::status start_overload_watch(runtime::system& host, const metrics::board& counted,
                                  const behaviours::event_channels& events);

} // namespace coppice::node
