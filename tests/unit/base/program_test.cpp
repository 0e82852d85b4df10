// SPDX-License-Identifier: MIT
// Programs that the daemon runs: what they are given, how they end, and that nothing of them is left.
#include "base/program.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "base/descriptors.hpp"
#include "base/uv.hpp"
#include "net/loop_until.hpp"

namespace coppice::base {
namespace {

program_options shell(std::string script) {
  return {.command = {"/bin/sh", "-c", std::move(script)}, .environment = {"PATH=/usr/bin:/bin"}};
}

std::string read_some(const unique_fd& from) {
  std::array<char, 4096> space{};
  const ssize_t got = read(from.get(), space.data(), space.size());
  return got > 0 ? std::string(space.data(), static_cast<std::size_t>(got)) : std::string();
}

struct run {
  uv::loop on = uv::loop::make().value();
  std::optional<program_end> end{};
  program running{};

  status start(const program_options& options) {
    auto made = program::start(on.raw(), options, [this](program_end how) { end = how; });
    if (!made) return unexpected<error>(std::move(made.error()));
    running = std::move(*made);
    return {};
  }
  bool wait() {
    return test::loop_until(on, [&] { return end.has_value(); });
  }
  // Reads until the program has written at least `bytes` bytes.
  std::string hear(std::size_t bytes) {
    std::string all;
    uv::timer look(on, [] {});
    look.start(std::chrono::milliseconds(1), std::chrono::milliseconds(1));
    test::loop_until(on, [&] {
      all += read_some(running.stream());
      return all.size() >= bytes;
    });
    return all;
  }
};

bool alive(pid_t pid) {
  return kill(pid, 0) == 0;
}

} // namespace

TEST_CASE("a program reads what is written to it, and answers") {
  run one;
  REQUIRE(one.start({.command = {"/bin/cat"}, .environment = {}}));
  REQUIRE(write(one.running.stream().get(), "hello", 5) == 5);
  CHECK(one.hear(5) == "hello");
  shutdown(one.running.stream().get(), SHUT_WR);
  REQUIRE(one.wait());
  CHECK(one.end->status == 0);
  CHECK(one.end->signal == 0);
  CHECK_FALSE(one.running.running());
}

TEST_CASE("how a program ended is told, and it is no zombie") {
  run exits;
  REQUIRE(exits.start(shell("echo trouble >&2; exit 7")));
  const pid_t pid = exits.running.pid();
  REQUIRE(exits.wait());
  CHECK(exits.end->status == 7);
  CHECK(read_some(exits.running.errors()) == "trouble\n");
  CHECK(waitpid(pid, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);

  run killed;
  REQUIRE(killed.start(shell("kill -9 $$")));
  REQUIRE(killed.wait());
  CHECK(killed.end->signal == SIGKILL);
}

TEST_CASE("what cannot be run is said with its reason, and leaves no process") {
  const struct {
    program_options options;
    errc code;
    std::string text;
  } rows[] = {
      {{.command = {}, .environment = {}}, errc::invalid, "path from / on"},
      {{.command = {"sh"}, .environment = {}}, errc::invalid, "path from / on"},
      {{.command = {"/no/such"}, .environment = {}}, errc::not_found, "run /no/such: No such file"},
      {{.command = {"/etc/passwd"}, .environment = {}}, errc::system, "run /etc/passwd: Permission denied"},
      {{.command = {"/bin/cat"}, .environment = {}, .folder = "/no/folder"},
       errc::not_found,
       "enter /no/folder: No such file"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    run one;
    const auto started = one.start(row.options);
    REQUIRE_FALSE(started);
    CHECK(started.error().code == row.code);
    CHECK(started.error().text.find(row.text) != std::string::npos);
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
  }
}

TEST_CASE("a program gets descriptors 0 to 2 only, also where others would be inherited") {
  const unique_fd careless(fcntl(STDERR_FILENO, F_DUPFD, 200)); // without O_CLOEXEC
  REQUIRE(careless);
  run one;
  REQUIRE(one.start(shell("cd /proc/$$/fd; echo *; exec sleep 60")));
  // The shell has one more descriptor, with which it lists the folder.
  const std::string listed = one.hear(6);
  CHECK(listed.substr(0, 5) == "0 1 2");
  CHECK(listed.find(std::to_string(careless.get())) == std::string::npos);
}

TEST_CASE("a program gets signals at their defaults, none of them blocked") {
  const auto before = signal(SIGUSR1, SIG_IGN);
  run one;
  REQUIRE(
      one.start({.command = {"/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}, .environment = {}}));
  signal(SIGUSR1, before);
  REQUIRE(one.wait());
  CHECK(read_some(one.running.stream()) == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("a program gets the environment and the limits it is given") {
  run environment;
  REQUIRE(environment.start({.command = {"/usr/bin/env"}, .environment = {"ONE=1", "TWO=2"}}));
  REQUIRE(environment.wait());
  CHECK(read_some(environment.running.stream()) == "ONE=1\nTWO=2\n");

  rlimit found{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &found) == 0);
  const rlimit lower{512, found.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &lower) == 0);
  CHECK(raise_descriptor_limit() > 512); // the daemon does this at its start, too
  run limits;
  auto options = shell("ulimit -n; ulimit -v; ulimit -t");
  options.memory = std::uint64_t{1} << 30;
  options.cpu_seconds = 33;
  REQUIRE(limits.start(options));
  REQUIRE(limits.wait());
  setrlimit(RLIMIT_NOFILE, &found);
  CHECK(read_some(limits.running.stream()) == "512\n1048576\n33\n");
}

TEST_CASE("nothing of systemd's environment is passed on") {
  setenv("NOTIFY_SOCKET", "/run/x", 1);
  setenv("LISTEN_FDS", "1", 1);
  setenv("MEMORY_PRESSURE_WATCH", "/sys/x", 1);
  setenv("PROGRAM_TEST", "kept", 1);
  const auto passed = passed_environment();
  for (const char* name : {"NOTIFY_SOCKET", "LISTEN_FDS", "MEMORY_PRESSURE_WATCH", "PROGRAM_TEST"})
    unsetenv(name);
  CHECK(std::find(passed.begin(), passed.end(), "PROGRAM_TEST=kept") != passed.end());
  for (const std::string& each : passed) {
    CAPTURE(each);
    CHECK_FALSE(each.starts_with("NOTIFY_SOCKET="));
    CHECK_FALSE(each.starts_with("LISTEN_FDS="));
    CHECK_FALSE(each.starts_with("MEMORY_PRESSURE_WATCH="));
  }
}

TEST_CASE("a variable that holds a secret is not passed on") {
  setenv("PROGRAM_TEST_COOKIE", "secret", 1);
  setenv("PROGRAM_TEST_COOKIE_TOO", "kept", 1);
  hide_from_programs("PROGRAM_TEST_COOKIE");
  const auto passed = passed_environment();
  for (const char* name : {"PROGRAM_TEST_COOKIE", "PROGRAM_TEST_COOKIE_TOO"}) unsetenv(name);
  CHECK(std::find(passed.begin(), passed.end(), "PROGRAM_TEST_COOKIE=secret") == passed.end());
  CHECK(std::find(passed.begin(), passed.end(), "PROGRAM_TEST_COOKIE_TOO=kept") != passed.end());
}

TEST_CASE("a program that is told to end does, and one that ignores it is killed after its time") {
  run willing;
  REQUIRE(willing.start(shell("trap 'exit 3' TERM; echo on; while :; do sleep 0.01; done")));
  CHECK(willing.hear(3) == "on\n");
  willing.running.end();
  REQUIRE(willing.wait());
  CHECK(willing.end->status == 3);

  run unwilling;
  auto options = shell("trap '' TERM; echo on; while :; do sleep 0.01; done");
  options.kill_after = std::chrono::milliseconds(50);
  REQUIRE(unwilling.start(options));
  CHECK(unwilling.hear(3) == "on\n");
  unwilling.running.end();
  unwilling.running.end();
  REQUIRE(unwilling.wait());
  CHECK(unwilling.end->signal == SIGKILL);
}

TEST_CASE("no process of a program's group outlives it") {
  for (const bool destroyed : {false, true}) {
    CAPTURE(destroyed);
    run one;
    // The child has the same output, so the stream ends when both are gone.
    REQUIRE(one.start(shell(destroyed ? "sleep 600 & echo on; wait" : "sleep 600 & echo on; exit 0")));
    CHECK(one.hear(3) == "on\n");
    const unique_fd output = std::move(one.running.stream());
    const pid_t pid = one.running.pid();
    if (destroyed)
      one.running = program();
    else
      REQUIRE(one.wait());
    if (destroyed) CHECK_FALSE(one.end);
    if (pid != 0) CHECK_FALSE(alive(pid));
    uv::timer look(one.on, [] {});
    look.start(std::chrono::milliseconds(1), std::chrono::milliseconds(1));
    char byte = 0;
    CHECK(test::loop_until(one.on, [&] { return read(output.get(), &byte, 1) == 0; }));
  }
}

TEST_CASE("a program may be destroyed where its end is told") {
  auto on = uv::loop::make().value();
  program held;
  bool told = false;
  held = program::start(on.raw(), shell("exit 0"), [&](program_end) {
           held = program();
           told = true;
         }).value();
  CHECK(test::loop_until(on, [&] { return told; }));
  CHECK_FALSE(held.running());
}

} // namespace coppice::base
