// SPDX-License-Identifier: MIT
// What a node tells the service manager it runs under (sd_notify(3)), judged from its snapshots: that it is
// ready, reloads, stops, and how it is in words, each when it changes; that it lives, and needs more time
// than the unit gives it, again and again. The report is a pure machine: who looks says when, and sends what
// comes out.
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
  // `watchdog`: within which time the service manager wants to hear that the node lives; 0: it does not. ns.
  explicit service_report(base::nanos watchdog) : watchdog_(watchdog) {}

  // The lines to send at this monotonic time; empty: none. What they say counts as said with taken(): until
  // then they come again.
  std::string next(const node::node_status& now, base::nanos at);
  void taken() { said_ = next_; }

  // How long until the next look: often while something is awaited, else as the watchdog wants it, every two
  // seconds at least.
  std::chrono::milliseconds pause(const node::node_status& now) const;

 private:
  struct told {
    bool ready = false;
    bool reloading = false;
    bool stopping = false;
    std::string status;
    base::nanos alive = 0;    // when it was said last; 0: never
    base::nanos extended = 0; // likewise
  };

  base::nanos watchdog_;
  told said_;
  told next_;
};

// How the node is, in one line: "starting: 1 of 3 applications run, shop is starting"; "running: 3
// applications", with what came of the last apply and reload; "stopping: shop".
std::string status_line(const node::node_status& now);

// Tells the service manager of this process what there is to tell, each time it is called, and returns how
// soon to call it again. One thread; does not wait. Both outlive it. Empty: there is no service manager.
std::function<std::chrono::milliseconds()> reports_of(const node::instance& of,
                                                      const node::service_manager& manager);

} // namespace coppice::control
