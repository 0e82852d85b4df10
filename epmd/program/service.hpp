// SPDX-License-Identifier: MIT
// What makes coppice-epmd a service: going into the background, and systemd's sockets and notifications. A
// process in the background has no terminal, and its caller finds the port open. The main thread, before
// other threads exist.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::epmd::program {

// Implements `-daemon`. The original process waits in start() until the background process calls ready() or
// ends, so that its caller finds the port open.
class background {
 public:
  // Returns in the background process only. The original process exits with the outcome.
  static base::result<background> start();
  // Lets the original process exit with 0, and detaches from the terminal.
  void ready();

 private:
  explicit background(base::unique_fd tell) : tell_(std::move(tell)) {}
  base::unique_fd tell_;
};

// Takes the sockets that systemd passed. errc::unsupported: built without libsystemd.
base::result<std::vector<base::unique_fd>> inherited_sockets();
void tell_systemd_ready();

} // namespace coppice::epmd::program
