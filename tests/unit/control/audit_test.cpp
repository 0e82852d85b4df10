// SPDX-License-Identifier: MIT
// How the log names the caller of a command.
#include "control/audit.hpp"

#include <doctest/doctest.h>

using namespace coppice;

TEST_CASE("who asked is told as far as it is known, and nothing of it drives a terminal") {
  control::caller who{4'294'967'294, 17, {}};
  CHECK(control::by(who) == "uid 4294967294, pid 17");
  CHECK(control::fields_of(who).size() == 2);
  who.claims = {"al\x1bice", "pts/3"};
  CHECK(control::by(who) == "uid 4294967294, pid 17, sudo by al\\x1bice, on pts/3");
  who.uid = 0;
  CHECK(control::by(who).find("user root") != std::string::npos);
}

TEST_CASE("of a client over HTTP the log has its address and the name of the token that it gave") {
  control::caller who;
  who.http = "127.0.0.1:40112";
  CHECK(control::by(who) == "http, 127.0.0.1:40112, without the token");
  REQUIRE(control::fields_of(who).size() == 3);
  CHECK(control::fields_of(who)[2].value == "not given");
  who.token = "page-token";
  CHECK(control::by(who) == "http, 127.0.0.1:40112, with the token named page-token");
  const auto fields = control::fields_of(who);
  REQUIRE(fields.size() == 3);
  CHECK(fields[0].name == "by");
  CHECK(fields[0].value == "http");
  CHECK(fields[1].value == "127.0.0.1:40112");
  CHECK(fields[2].name == "token");
  CHECK(fields[2].value == "page-token");
}
