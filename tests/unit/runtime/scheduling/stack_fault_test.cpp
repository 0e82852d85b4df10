// SPDX-License-Identifier: MIT
// A handler that overflows its stack: a program of its own dies of it, and says whose handler it was. Under
// the address sanitizer that has the first word.
#include "runtime/scheduling/stack_fault.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr const char* child_mark = "COPPICE_TEST_OVERFLOW";

// Uses up the stack; the result keeps the frames from being folded into one.
[[gnu::noinline]] int deeper(int depth) {
  volatile char frame[512] = {};
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : deeper(depth + 1) + frame[0];
}

} // namespace

TEST_CASE("child: overflows its stack") {
  if (getenv(child_mark) == nullptr) return;
  node here(1);
  const actor guilty(here.host, {.label = "demo/top/deep"});
  guilty.start([](process&) { (void)deeper(1); });
  for (;;) pause();
}

TEST_CASE("a handler that overflows its stack is named, and the program dies of the fault") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  if (child == 0) {
    setenv(child_mark, "1", 1);
    dup2(ends[1], STDERR_FILENO);
    execl("/proc/self/exe", "unit", "-tc=child: overflows its stack", nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::string said;
  std::array<char, 512> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    said.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK_FALSE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  if (said.find("AddressSanitizer") != std::string::npos) return;
  CHECK(WIFSIGNALED(status));
  INFO(said);
  CHECK(said.find("stack overflow: a handler of <0.1.0> demo/top/deep") != std::string::npos);
}

} // namespace coppice::runtime::testing
