// SPDX-License-Identifier: MIT
// A timer for something that a peer must do in time. When it is due, the loop polls its sockets once more
// before the function is called. Otherwise, after a long turn, a peer would be late although its bytes
// already wait in the kernel, because libuv runs timers first. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <memory>

#include "base/uv.hpp"

namespace coppice::net {

class deadline {
 public:
  // Empty: it does nothing.
  deadline();
  // `over` is called when the time has passed; it may start, stop or destroy the deadline.
  deadline(uv_loop_t* on, base::uv::callback over);
  deadline(deadline&& other) noexcept;
  deadline& operator=(deadline&& other) noexcept;
  ~deadline();

  explicit operator bool() const { return state_ != nullptr; }
  uv_loop_t* loop_raw() const;
  // Whether it runs: it was started, and neither stopped nor over.
  bool active() const;
  // Counts from now; restarts a running deadline.
  void start(std::chrono::milliseconds after);
  void stop();
  void close();
  // The deadline no longer keeps the loop running. If the loop ends, it is due at once.
  void unref();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace coppice::net
