// SPDX-License-Identifier: MIT
// What makes coppice-epmd a service: going into the background, and systemd's sockets and
// notifications. The main thread, before there are others.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::epmd::program {

// The foreground half of `-daemon`: the original process waits in start() until the background one calls
// ready() or ends, so that whoever started it finds the port open.
class background {
 public:
  // Returns in the background process only; the original one exits with its outcome.
  static base::result<background> start();
  // Lets the original process exit 0 and cuts the terminal.
  void ready();

 private:
  explicit background(base::unique_fd tell) : tell_(std::move(tell)) {}
  base::unique_fd tell_;
};

// The sockets systemd passed. errc::unsupported in a build without its library.
base::result<std::vector<base::unique_fd>> inherited_sockets();
void tell_systemd_ready();

} // namespace coppice::epmd::program
