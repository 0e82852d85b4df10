// SPDX-License-Identifier: MIT
// A program that a test runs: found on the PATH, its output collected on the loop, ended with the object. One
// thread.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/uv.hpp"

namespace coppice::test {

inline bool on_path(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

class child {
 public:
  // `environment` entries are added to this process's own.
  child(base::uv::loop& loop, std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    out_ = base::unique_fd(ends[0]);
    const base::unique_fd in(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    std::vector<char*> argv;
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    std::vector<char*> envp;
    for (std::string& each : environment) envp.push_back(each.data());
    for (char** each = environ; *each != nullptr; ++each) envp.push_back(*each);
    envp.push_back(nullptr);
    const int code = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    REQUIRE(code == 0);
    watch_ = base::uv::poll::make(loop.raw(), out_.get(), [this](int, int) { read_some(); }).value();
    REQUIRE(watch_.start(UV_READABLE));
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() { end(); }

  const std::string& output() const { return output_; }
  // It has closed its output, so it has ended or is about to.
  bool finished() const { return finished_; }
  void end() {
    watch_.close();
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  void read_some() {
    std::array<char, 4096> bytes;
    const ssize_t got = read(out_.get(), bytes.data(), bytes.size());
    if (got > 0) output_.append(bytes.data(), static_cast<std::size_t>(got));
    if (got == 0) {
      finished_ = true;
      watch_.close();
    }
  }

  pid_t pid_ = -1;
  base::unique_fd out_;
  base::uv::poll watch_;
  std::string output_;
  bool finished_ = false;
};

} // namespace coppice::test
