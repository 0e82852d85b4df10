// SPDX-License-Identifier: MIT
// The service manager this process runs under (sd_notify(3)): where it listens, as NOTIFY_SOCKET says, and
// whether it wants to be told again and again that the process lives. Any thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string_view>

#include "base/clock.hpp"
#include "base/file.hpp"

namespace coppice::node {

class service_manager {
 public:
  // From the environment. Its descriptor is kept, so that one that has none left still tells that it lives.
  service_manager();

  // There is one.
  bool listens() const { return static_cast<bool>(socket_); }
  // WATCHDOG=1 has to come within this time, again and again; 0: it need not. ns.
  base::nanos watchdog() const { return watchdog_; }
  // "READY=1", "STATUS=…": lines of one datagram, and a descriptor that goes with it unless it is -1. False:
  // it is not taken, now at least. Does not wait.
  bool tell(std::string_view lines, int descriptor = -1) const;
  // It may keep descriptors: all but one that says it keeps none (FDSTORE=0).
  bool keeps() const;

 private:
  base::unique_fd socket_;
  sockaddr_un address_{};
  socklen_t size_ = 0;
  base::nanos watchdog_ = 0;
};

} // namespace coppice::node
