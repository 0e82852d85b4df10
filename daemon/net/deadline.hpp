// SPDX-License-Identifier: MIT
// A timer for what a peer has to do in time. When it is due the loop looks at its sockets once more before
// the deadline is called over: libuv runs timers first, and after a long turn what the peer has sent in time
// still waits in the kernel. The loop's thread.
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
  // `over` may start, stop or destroy it.
  deadline(uv_loop_t* on, base::uv::callback over);
  deadline(deadline&& other) noexcept;
  deadline& operator=(deadline&& other) noexcept;
  ~deadline();

  explicit operator bool() const { return state_ != nullptr; }
  uv_loop_t* loop_raw() const;
  // From now; restarts when it runs already.
  void start(std::chrono::milliseconds after);
  void stop();
  void close();
  // It does not keep loop::run going, and is due at once where its loop ends.
  void unref();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace coppice::net
