// SPDX-License-Identifier: MIT
// The group and mode that the control socket is to have.
#include "control/socket_access.hpp"

#include <doctest/doctest.h>
#include <grp.h>

namespace coppice::control {
namespace {

constexpr const char* some = "daemon"; // a group of every Debian's

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

} // namespace coppice::control
