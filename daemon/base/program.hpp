// SPDX-License-Identifier: MIT
// A program that runs beside the daemon, in a process group of its own. It gets descriptors 0 to 2, default
// signal handling, and the environment and limits given here. No process of its group outlives it, and none
// stays a zombie. If the daemon is killed, the program is killed too. A pidfd tells of its end, so another
// process that gets the same id later is never affected. For the loop's thread.
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
  std::vector<std::string> command;     // the program's absolute path, and its arguments
  std::vector<std::string> environment; // NAME=value, the whole environment; see passed_environment()
  std::string folder{};                 // its working directory; empty: the daemon's
  // From end() to SIGKILL.
  std::chrono::milliseconds kill_after{5000};
  // For each of its processes: bytes of address space, seconds of processor time. 0: as the daemon's.
  std::uint64_t memory = 0;
  std::uint64_t cpu_seconds = 0;
};

struct program_end {
  int status = 0; // its exit status
  int signal = 0; // the signal that ended it; 0: it exited
};

// The daemon's environment without the variables that systemd sets for a service. A program that used those
// would report in the daemon's name, or take descriptors for sockets that they are not.
std::vector<std::string> passed_environment();
// The variable holds a secret: from now on it is passed to no program. Any thread.
void hide_from_programs(std::string name);

class program {
 public:
  // Empty.
  program();
  program(program&& other) noexcept;
  program& operator=(program&& other) noexcept;
  // Kills the group and waits until the program has ended.
  ~program();

  // Returns once the program runs. `on_end` is called once, on the loop, after what is left of the group was
  // killed; it may destroy the program. errc::invalid: the command is empty or its path not absolute.
  // errc::not_found: no such program or folder. errc::system: it cannot be run, with the reason.
  static result<program> start(uv_loop_t* on, const program_options& options,
                               std::function<void(program_end)> on_end);

  // True until `on_end` is called.
  bool running() const;
  pid_t pid() const;

  // The daemon's end of the socket that is the program's descriptors 0 and 1, and of the pipe that is 2.
  // Neither blocks. The owner may take and close them. shutdown(SHUT_WR) ends the program's input.
  unique_fd& stream();
  unique_fd& errors();

  // Sends SIGTERM to the group, and after kill_after SIGKILL. Further calls do nothing.
  void end();
  // Sends SIGKILL to the group.
  void kill();

 private:
  class inner;
  explicit program(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::base
