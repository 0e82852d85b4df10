// SPDX-License-Identifier: MIT
// The end of a node's applications: the application controller, with all that it supervises, is gone. Who
// stops the node waits for it here. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "base/clock.hpp"

namespace coppice::node {

class application_end {
 public:
  // There is a controller from now on, or it has ended. Before the first call there is none.
  void set_controlled(bool is);
  // The node stops. False: it does so already.
  bool begin();
  bool has_begun() const;
  // A wait() under way, or to come, is patient no longer.
  void hurry();
  // Waits until the controller has ended: for `bound` ns, none: for ever, and not when hurried. From then on
  // calls `kill`, which ends what holds it up, again and again for some seconds. False: there still is a
  // controller.
  bool wait(std::optional<base::nanos> bound, const std::function<void()>& kill);

 private:
  mutable std::mutex lock_;
  std::condition_variable changed_;
  bool is_controlled_ = false;
  bool has_begun_ = false;
  bool is_hurried_ = false;
};

} // namespace coppice::node
