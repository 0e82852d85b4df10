// SPDX-License-Identifier: MIT
// The group and mode of the control socket for those who may give a file to its group and those who may not.
#include "control/socket_access.hpp"

#include <doctest/doctest.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace coppice::control {
namespace {

constexpr const char* others = "daemon"; // a group of every Debian's

// Runs in a process of no group but `group`, and returns its answer.
template <class Asks>
bool as_member_of(gid_t group, Asks asks) {
  const pid_t child = fork();
  if (child == 0) {
    const bool changed = setgroups(1, &group) == 0 && setgid(65534) == 0 && setuid(65534) == 0;
    _exit(changed && asks() ? 0 : 1);
  }
  int status = 1;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status == 0;
}

} // namespace

TEST_CASE("a socket without a group, and one for a group that there is not") {
  CHECK_FALSE(access_of_socket("", 0660, "usual").group);
  CHECK(access_of_socket("", 0660, "usual").mode == 0660);
  const socket_access none = access_of_socket("no-such-group", 0660, "usual");
  CHECK_FALSE(none.group);
  CHECK(none.mode == 0600);
}

TEST_CASE("who is no member of the usual group has the socket alone, and one that is asked for is tried") {
  const group* const found = getgrnam(others);
  if (geteuid() != 0 || found == nullptr) {
    std::puts("SKIP the group of the control socket: giving up rights needs root, and the group daemon");
    return;
  }
  const gid_t theirs = found->gr_gid;
  CHECK(access_of_socket(others, 0660, others).group == theirs);
  CHECK(as_member_of(65534, [] {
    const socket_access own = access_of_socket(others, 0660, others);
    return !own.group && own.mode == 0600;
  }));
  CHECK(as_member_of(65534, [theirs] {
    const socket_access asked = access_of_socket(others, 0660, "usual");
    return asked.group == theirs && asked.mode == 0660;
  }));
  CHECK(as_member_of(theirs, [theirs] { return access_of_socket(others, 0660, others).group == theirs; }));
}

} // namespace coppice::control
