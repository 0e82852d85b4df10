// SPDX-License-Identifier: MIT
// Tells when somebody sets the wall clock, and when the machine has slept, which sets it as well. Costs
// nothing in between. On the loop's thread.
#pragma once

#include <functional>
#include <memory>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/uv.hpp"

namespace coppice::base {

class clock_watch {
 public:
  // `set` is called after each change, on the loop's thread; it may destroy the watch.
  static result<std::unique_ptr<clock_watch>> make(uv_loop_t* on, std::function<void()> set);
  clock_watch(const clock_watch&) = delete;
  clock_watch& operator=(const clock_watch&) = delete;

 private:
  clock_watch(unique_fd timer, std::function<void()> set) : timer_(std::move(timer)), set_(std::move(set)) {}
  status arm();
  void changed();

  unique_fd timer_; // outlives what polls it
  std::function<void()> set_;
  uv::poll poll_;
};

} // namespace coppice::base
