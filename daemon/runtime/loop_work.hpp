// SPDX-License-Identifier: MIT
// Names work in a callback of a worker's loop by the node whose connection causes it. If such work holds the
// worker too long (system_options::watchdog), the report names that node. On the worker's thread.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace coppice::runtime {

class loop_work {
 public:
  // The work lasts until this is destroyed. `node`: an index in node_names; 0: not known. On other threads
  // than a worker's it does nothing.
  explicit loop_work(std::uint32_t node);
  ~loop_work();
  loop_work(const loop_work&) = delete;
  loop_work& operator=(const loop_work&) = delete;

 private:
  std::uint32_t node_;
  base::nanos since_ = 0; // monotonic
};

} // namespace coppice::runtime
