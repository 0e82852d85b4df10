// SPDX-License-Identifier: MIT
// The end of a node's applications: the application controller, with all that it supervises, has ended. The
// thread that stops the node waits for it here. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "base/clock.hpp"

namespace coppice::node {

class application_end {
 public:
  // True: a controller runs from now on. False: it has ended, as before the first call.
  void set_controlled(bool is);
  // The node begins to stop. False: it had begun already.
  bool begin();
  bool has_begun() const;
  // Ends the patience of a wait() under way or to come.
  void hurry();
  // Waits until the controller has ended, for at most `bound` ns (empty: no limit) or until hurry(). After
  // that it calls `kill`, which kills the remaining actors, again and again for some seconds. False: the
  // controller still runs.
  bool wait(std::optional<base::nanos> bound, const std::function<void()>& kill);

 private:
  mutable std::mutex lock_;
  std::condition_variable changed_;
  bool is_controlled_ = false;
  bool has_begun_ = false;
  bool is_hurried_ = false;
};

} // namespace coppice::node
