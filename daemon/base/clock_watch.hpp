// SPDX-License-Identifier: MIT
// Tells when the wall clock is set, and when the machine has slept, which also sets it. The service that runs
// the node's jobs uses it to compute their next times anew. Costs nothing in between. For the loop's thread.
#pragma once

#include <functional>
#include <memory>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/uv.hpp"

namespace coppice::base {

class clock_watch {
 public:
  // `set` is called after each change, on the loop's thread. It may destroy the watch.
  static result<std::unique_ptr<clock_watch>> make(uv_loop_t* on, std::function<void()> set);
  clock_watch(const clock_watch&) = delete;
  clock_watch& operator=(const clock_watch&) = delete;

 private:
  clock_watch(unique_fd timer, std::function<void()> set) : timer_(std::move(timer)), set_(std::move(set)) {}
  status arm();
  void changed();

  unique_fd timer_; // outlives poll_
  std::function<void()> set_;
  uv::poll poll_;
};

} // namespace coppice::base
