// SPDX-License-Identifier: MIT
// Runs a check in a child process that has given up all its rights, such as that to ports below 1024. In the
// test's thread.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace coppice::test {

// `right`: whether the outcome was as it should be.
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
