// SPDX-License-Identifier: MIT
// The process of the node that asks on behalf of a request, and may wait for an answer for as long as the
// request's timeout says. It is ended when no client waits for the answer any more. Otherwise a client that
// asks and leaves, again and again, would make the node keep any number of such processes. Any thread.
#pragma once

#include <mutex>

#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/system.hpp"

namespace coppice::control {

class asker {
 public:
  // `host` outlives it.
  explicit asker(runtime::system& host) : host_(host) {}

  // The process; none: there is none. It is ended at once if the request was given up before.
  void is(const runtime::pid& process) {
    const std::lock_guard held(lock_);
    process_ = process;
    if (given_up_) end();
  }
  void give_up() {
    const std::lock_guard held(lock_);
    given_up_ = true;
    end();
  }

 private:
  void end() {
    if (process_) host_.exit(process_, runtime::reasons::kill());
  }

  runtime::system& host_;
  std::mutex lock_;
  runtime::pid process_;
  bool given_up_ = false;
};

} // namespace coppice::control
