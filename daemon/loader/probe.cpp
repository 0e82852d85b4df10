// SPDX-License-Identifier: MIT
// The child answers with one JSON document on descriptor 3, {"ok": true} or {"ok": false, "error": "…"}. Its
// standard input, output and error are /dev/null, its environment holds only what the dynamic linker and
// sanitizers read, and its process group is killed at the end.
#include "loader/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/file.hpp"
#include "base/json_depth.hpp"
#include "loader/trial.hpp"

namespace coppice::loader {
namespace {

constexpr int answer_fd = 3;
constexpr std::size_t longest_answer = 64 * 1024;
constexpr std::size_t deepest_answer = 8;

class spawn_actions {
 public:
  spawn_actions() { posix_spawn_file_actions_init(&actions_); }
  ~spawn_actions() { posix_spawn_file_actions_destroy(&actions_); }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class spawn_attributes {
 public:
  spawn_attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~spawn_attributes() { posix_spawnattr_destroy(&attributes_); }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (const char* name : {"PATH", "LANG", "LC_ALL", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

base::result<pid_t> start(const probe_options& options, const std::string& file, int answer) {
  spawn_actions actions;
  posix_spawn_file_actions_adddup2(actions.get(), answer, answer_fd);
  posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(actions.get(), 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(actions.get(), 2, "/dev/null", O_WRONLY, 0);
  spawn_attributes attributes;
  const std::string& program = options.program;
  std::vector<std::string> arguments{program, "--probe", file};
  if (options.states >= 0) {
    posix_spawn_file_actions_adddup2(actions.get(), options.states, states_fd);
    arguments.emplace_back("--states");
  }
  std::vector<std::string> variables = environment();
  pid_t child = -1;
  const int trouble = posix_spawn(&child, program.c_str(), actions.get(), attributes.get(),
                                  pointers(arguments).data(), pointers(variables).data());
  if (trouble != 0) return base::fail_errno("run " + program, trouble);
  return child;
}

// Reads until the end, the deadline or the bound. Returns false if the deadline came first.
bool read_until(int fd, base::nanos deadline, std::string& out) {
  std::array<char, 4096> chunk;
  while (out.size() < longest_answer) {
    const base::nanos left = deadline - base::mono_now();
    pollfd wanted{fd, POLLIN, 0};
    const int ready = left <= 0 ? 0 : poll(&wanted, 1, static_cast<int>(base::to_milliseconds(left).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    out.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return true;
}

// Waits for the child's end until the deadline, then kills it. The child's group is killed before its number
// can be reused. Returns false if the child had to be killed.
bool reap(pid_t child, base::nanos deadline, int& status) {
  // The kernel reports the end by a descriptor. Without one, the loop below polls.
  const base::unique_fd end(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  constexpr base::nanos nap = 2 * base::nanos_per_ms;
  bool ended = false;
  while (!ended) {
    siginfo_t info{};
    const int got = waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
    ended = got == 0 ? info.si_pid == child : errno != EINTR;
    const base::nanos left = deadline - base::mono_now();
    if (ended || left <= 0) break;
    pollfd wanted{end.get(), POLLIN, 0};
    poll(&wanted, 1, static_cast<int>(base::to_milliseconds(end ? left : std::min(left, nap)).count()));
  }
  kill(-child, SIGKILL);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return ended;
}

base::status refuse(std::string text) {
  return base::fail(base::errc::refused, std::move(text));
}

base::status judge(const std::string& answer, int status, std::string_view doing) {
  // The answer was written beside the plugin's code, so it may be anything.
  const auto json = base::nests_deeper(answer, deepest_answer)
                        ? nlohmann::json()
                        : nlohmann::json::parse(answer, nullptr, false);
  const bool whole = json.is_object() && json.contains("ok") && json["ok"].is_boolean();
  if (whole && json["ok"].get<bool>() && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (whole && json.contains("error") && json["error"].is_string()) return refuse(json["error"]);
  if (WIFSIGNALED(status))
    return refuse(fmt::format("trying it out ended by signal {} ({}): it crashes while {}", WTERMSIG(status),
                              strsignal(WTERMSIG(status)), doing));
  return refuse(fmt::format("trying it out ended with status {} and no answer: it ends the process while {}",
                            WIFEXITED(status) ? WEXITSTATUS(status) : -1, doing));
}

} // namespace

base::status probe(const std::string& file, const probe_options& options) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail_errno("pipe", errno);
  const base::unique_fd from(ends[0]);
  base::unique_fd to(ends[1]);
  const base::nanos deadline = base::mono_now() + options.deadline;
  const auto child = start(options, file, to.get());
  if (!child) return unexpected(child.error());
  to.reset();

  std::string answer;
  int status = 0;
  const bool in_time = read_until(from.get(), deadline, answer);
  const bool ended = reap(*child, deadline, status);
  const bool restoring = options.states >= 0;
  if (!in_time || !ended)
    return base::fail(base::errc::timeout,
                      fmt::format("it was not {} within {} ms: {} does not return",
                                  restoring ? "through with the saved states" : "loaded",
                                  options.deadline / base::nanos_per_ms,
                                  restoring ? "its restore_state or create" : "a constructor or its init"));
  return judge(answer, status, restoring ? "a saved state is restored" : "it is loaded");
}

} // namespace coppice::loader
