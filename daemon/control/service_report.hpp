// SPDX-License-Identifier: MIT
// The reports of a node to the service manager it runs under (sd_notify(3)), judged from its snapshots. When
// it changes: that the node is ready, reloads or stops, and its state in words. Again and again: that it
// lives, and that it needs more time than the unit gives it. The report is a pure machine: its caller gives
// the time, and sends the lines that come out.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/clock.hpp"
#include "node/environment/notify.hpp"
#include "node/instance/instance.hpp"
#include "node/shown/snapshot.hpp"

namespace coppice::control {

class service_report {
 public:
  // `watchdog`: the ns within which the service manager wants to hear that the node lives; 0: never.
  explicit service_report(base::nanos watchdog) : watchdog_(watchdog) {}

  // The lines to send at this monotonic time; empty: none. The lines count as said once taken() is called:
  // until then they come again.
  std::string next(const node::node_status& now, base::nanos at);
  void taken() { said_ = next_; }

  // The time until the next look: short while something is awaited, else as the watchdog wants it, two
  // seconds at most.
  std::chrono::milliseconds pause(const node::node_status& now) const;

 private:
  struct told {
    bool ready = false;
    bool reloading = false;
    bool stopping = false;
    std::string status;
    base::nanos alive = 0;    // when it was said last; 0: never
    base::nanos extended = 0; // when it was said last; 0: never
  };

  base::nanos watchdog_;
  told said_;
  told next_;
};

// The node's state in one line: "starting: 1 of 3 applications run, shop is starting"; "running: 3
// applications", with what came of the last apply and reload; "stopping: shop". Every user of the machine may
// read it, so no term of an exit reason and no value of the configuration is in it.
std::string status_line(const node::node_status& now);

// A function that tells the service manager of this process what has to be told, and returns the time until
// its next call. One thread; does not wait. Both arguments outlive it. Empty: there is no service manager.
std::function<std::chrono::milliseconds()> reports_of(const node::instance& of,
                                                      const node::service_manager& manager);

} // namespace coppice::control
