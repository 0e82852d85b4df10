// SPDX-License-Identifier: MIT
// The service manager that runs this process (sd_notify(3)): its socket from NOTIFY_SOCKET, and whether it
// expects regular watchdog notifications. Any thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string_view>

#include "base/clock.hpp"
#include "base/file.hpp"

namespace coppice::node {

class service_manager {
 public:
  // Reads the environment. Keeps the socket open, so that a process out of file descriptors can still send
  // its watchdog notification.
  service_manager();

  // Whether there is a service manager.
  bool listens() const { return static_cast<bool>(socket_); }
  // Nanoseconds within which WATCHDOG=1 has to be sent again and again. 0: not expected.
  base::nanos watchdog() const { return watchdog_; }
  // Sends lines such as "READY=1" and "STATUS=…" in one datagram, with a descriptor unless that is -1. False:
  // not sent, at least now. Does not wait.
  bool tell(std::string_view lines, int descriptor = -1) const;
  // Whether it may keep descriptors. True unless it says that it keeps none (FDSTORE=0).
  bool keeps() const;

 private:
  base::unique_fd socket_;
  sockaddr_un address_{};
  socklen_t size_ = 0;
  base::nanos watchdog_ = 0;
};

} // namespace coppice::node
