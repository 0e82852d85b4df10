// SPDX-License-Identifier: MIT
// A program run beside the daemon, in a process group of its own. It gets descriptors 0 to 2, signals at
// their defaults, and the environment and limits it is given; no process of its group outlives it, and none
// stays a zombie; if the daemon is killed, it is, too. Its end is heard of by a pidfd, so no other process
// that has the same id later is ever meant. All on the loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::base {

struct program_options {
  std::vector<std::string> command;     // the program's path from / on, and its arguments
  std::vector<std::string> environment; // NAME=value, all of it; see passed_environment()
  std::string folder{};                 // where it starts; empty: where the daemon is
  // Between end() and SIGKILL.
  std::chrono::milliseconds kill_after{5000};
  // Each of its processes: bytes of address space, seconds of processor time; 0: as the daemon's.
  std::uint64_t memory = 0;
  std::uint64_t cpu_seconds = 0;
};

struct program_end {
  int status = 0; // what it exited with
  int signal = 0; // that ended it; 0: it exited
};

// The daemon's own environment without what systemd tells a service of itself: a program that took it up
// would report in the daemon's name, or take descriptors for sockets that are none.
std::vector<std::string> passed_environment();
// That variable holds a secret, and is passed on to no program from now on. Any thread.
void hide_from_programs(std::string name);

class program {
 public:
  // Empty.
  program();
  program(program&& other) noexcept;
  program& operator=(program&& other) noexcept;
  // Kills the group and waits until the program is gone.
  ~program();

  // Returns once the program runs. `on_end` is called once, on the loop, and may destroy the program; what is
  // left of the group is killed before. errc::invalid: the command is empty or not from / on;
  // errc::not_found: there is no such program or folder; errc::system: it cannot be run, with the reason.
  static result<program> start(uv_loop_t* on, const program_options& options,
                               std::function<void(program_end)> on_end);

  // Until its end was told.
  bool running() const;
  pid_t pid() const;

  // Our end of the socket that its descriptors 0 and 1 are, and of the pipe that 2 is, neither of which
  // blocks; the owner may take and close them. shutdown(SHUT_WR) is the end of what it reads.
  unique_fd& stream();
  unique_fd& errors();

  // SIGTERM to the group, and SIGKILL to what is left of it after kill_after; again does nothing.
  void end();
  // SIGKILL to the group.
  void kill();

 private:
  class inner;
  explicit program(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::base
