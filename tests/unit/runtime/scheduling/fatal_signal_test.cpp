// SPDX-License-Identifier: MIT
// Handlers that end the program. Each of them runs in a child program, which writes whose handler it was and
// then dies of the signal, or exits. The address sanitizer handles these signals itself: with it, the stack
// overflow and the way in which the program ends are not checked.
#include "runtime/scheduling/fatal_signal.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "runtime/actor.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr const char* child_mark = "COPPICE_TEST_FATAL";

// Uses up the stack. The result depends on the frame, so that the compiler keeps every frame.
[[gnu::noinline]] int deeper(int depth) {
  volatile char frame[512] = {};
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : deeper(depth + 1) + frame[0];
}

struct outcome_of_child {
  std::string said;
  int status = 0;
};

// Runs this program with `test` alone, marked as the child that is to die.
outcome_of_child run_child(const char* test) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  if (child == 0) {
    setenv(child_mark, "1", 1);
    dup2(ends[1], STDERR_FILENO);
    dup2(ends[1], STDOUT_FILENO); // a crash report by doctest is not part of the parent's output
    const std::string only = std::string("-tc=") + test;
    execl("/proc/self/exe", "unit", only.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  outcome_of_child out;
  std::array<char, 512> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    out.said.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  REQUIRE(waitpid(child, &out.status, 0) == child);
  CHECK_FALSE((WIFEXITED(out.status) && WEXITSTATUS(out.status) == 0));
  return out;
}

// In the child: an actor runs `how` in a handler that is marked as foreign code, like a plugin's.
void die_in_a_handler(void (*how)()) {
  for (const int number : {SIGSEGV, SIGABRT}) std::signal(number, SIG_DFL); // doctest has handlers of its own
  node here(1);
  const actor guilty(here.host, {.label = "demo/top/guilty"});
  guilty.start([how](process& self) {
    message_writer out;
    out.tuple(3);
    out.atom("put");
    out.atom("key");
    out.integer(1);
    const message given = out.take();
    const foreign_code outside(self, "handle_call", given.bytes());
    how();
  });
  for (;;) pause();
}

} // namespace

TEST_CASE("child: overflows its stack") {
  if (getenv(child_mark) != nullptr) die_in_a_handler([] { (void)deeper(1); });
}

TEST_CASE("child: writes where nothing is") {
  if (getenv(child_mark) != nullptr) die_in_a_handler([] { *reinterpret_cast<volatile int*>(0x18) = 1; });
}

TEST_CASE("child: aborts") {
  if (getenv(child_mark) != nullptr) die_in_a_handler([] { std::abort(); });
}

TEST_CASE("child: exits") {
  if (getenv(child_mark) != nullptr) die_in_a_handler([] { std::exit(3); });
}

TEST_CASE("child: exits where no handler runs") {
  if (getenv(child_mark) == nullptr) return;
  tell_of_fatal_signals();
  std::exit(3);
}

TEST_CASE("exit() in a handler leaves a line with the callback and the process, and elsewhere none") {
  const outcome_of_child child = run_child("child: exits");
  INFO(child.said);
  CHECK(child.said.find("coppice: exit() was called in handle_call of <0.1.0> demo/top/guilty, and ends the "
                        "node") != std::string::npos);
  CHECK(run_child("child: exits where no handler runs").said.find("exit() was called") == std::string::npos);
}

TEST_CASE("a handler that overflows its stack is named, and the program dies of the fault") {
  const outcome_of_child child = run_child("child: overflows its stack");
  if (child.said.find("AddressSanitizer") != std::string::npos) return;
  CHECK(WIFSIGNALED(child.status));
  INFO(child.said);
  CHECK(child.said.find("stack overflow: a handler of <0.1.0> demo/top/guilty") != std::string::npos);
}

TEST_CASE("a fault in a handler leaves a line with signal, address, place, callback, process and request") {
  const outcome_of_child child = run_child("child: writes where nothing is");
  INFO(child.said);
  CHECK(child.said.find("coppice: SIGSEGV at address 0x18 in ") != std::string::npos);
  CHECK(child.said.find(": handle_call of <0.1.0> demo/top/guilty, given {put,...}\n") != std::string::npos);
  CHECK(child.said.find("coppice: called from ") != std::string::npos);
  if (child.said.find("Sanitizer") != std::string::npos) return;
  CHECK((WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGSEGV));
}

TEST_CASE("an abort in a handler leaves the same line, and the program dies of it") {
  const outcome_of_child child = run_child("child: aborts");
  INFO(child.said);
  CHECK(child.said.find("coppice: SIGABRT in ") != std::string::npos);
  CHECK(child.said.find(": handle_call of <0.1.0> demo/top/guilty, given {put,...}\n") != std::string::npos);
  if (child.said.find("Sanitizer") != std::string::npos) return;
  CHECK((WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT));
}

} // namespace coppice::runtime::testing
