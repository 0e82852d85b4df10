// SPDX-License-Identifier: MIT
// The group and mode of the control socket, and which user has connected to it.
#include "control/socket_access.hpp"

#include <doctest/doctest.h>
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/file.hpp"

namespace coppice::control {
namespace {

constexpr const char* some = "daemon"; // a group that every Debian has

} // namespace

TEST_CASE("a socket without a group has the mode that is configured") {
  const net::unix_place at = place_of_socket("/run/x.sock", 0660, "", "usual");
  CHECK(at.path == "/run/x.sock");
  CHECK(at.mode == 0660);
  CHECK_FALSE(at.group);
}

TEST_CASE("where there is no such group, its users may do no more than everybody may") {
  const auto mode_of = [](mode_t mode) {
    const net::unix_place at = place_of_socket("/run/x.sock", mode, "no-such-group", "usual");
    CHECK_FALSE(at.group);
    return at.mode;
  };
  CHECK(mode_of(0660) == 0600);
  CHECK(mode_of(0666) == 0666);
  CHECK(mode_of(0606) == 0606);
}

TEST_CASE("a group that is asked for has to be had, the usual one need not") {
  const group* const found = getgrnam(some);
  REQUIRE(found != nullptr);
  const gid_t theirs = found->gr_gid;
  const net::unix_place asked = place_of_socket("/run/x.sock", 0660, some, "usual");
  CHECK(asked.group == theirs);
  CHECK(asked.mode == 0660);
  CHECK_FALSE(asked.mode_without_group);
  const net::unix_place usual = place_of_socket("/run/x.sock", 0660, some, some);
  CHECK(usual.group == theirs);
  CHECK(usual.mode == 0660);
  CHECK(usual.mode_without_group == 0600);
}

TEST_CASE("a client is the user that the kernel names, and nobody where it names none") {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const base::unique_fd one(ends[0]);
  const base::unique_fd other(ends[1]);
  const auto known = caller_at(one.get());
  REQUIRE(known.has_value());
  CHECK(known->uid == getuid());
  CHECK(known->pid == getpid());
  REQUIRE(pipe(ends.data()) == 0); // the kernel knows no peer of a pipe
  const base::unique_fd reads(ends[0]);
  const base::unique_fd writes(ends[1]);
  const auto unknown = caller_at(reads.get());
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().text.starts_with("the kernel does not tell who connects"));
  CHECK(caller().uid == caller::nobody);
}

} // namespace coppice::control
