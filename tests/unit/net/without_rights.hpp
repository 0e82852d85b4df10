// SPDX-License-Identifier: MIT
// What becomes of something where nobody has the right to ports below 1024: it is tried in a child process
// that has given up all its rights. In the test's thread.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace coppice::test {

// `right` says whether it went as it should.
template <class Right>
void check_without_rights(Right right) {
  int first_free = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first_free;
  if (geteuid() != 0 || first_free <= 81) {
    std::puts("SKIP ports below 1024: giving up the right to them needs root and a kernel that asks for it");
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    const bool changed = setgid(65534) == 0 && setuid(65534) == 0;
    _exit(changed && right() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

} // namespace coppice::test
