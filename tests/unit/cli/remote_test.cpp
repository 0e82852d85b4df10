// SPDX-License-Identifier: MIT
// Tests of the values that the client reads from the command line.
#include "cli/remote.hpp"

#include <doctest/doctest.h>

using namespace coppice;

TEST_CASE("timeouts are a number with a unit, or infinity") {
  CHECK(*cli::parse_timeout("250ms") == 250);
  CHECK(*cli::parse_timeout("5s") == 5000);
  CHECK(*cli::parse_timeout("2m") == 120'000);
  CHECK(*cli::parse_timeout("1h") == 3'600'000);
  CHECK(*cli::parse_timeout("infinity") == -1);
}

TEST_CASE("anything else is no timeout") {
  for (const char* text : {"", "5", "s", "-1s", "5 s", "1.5s", "5d", "99999999999999999999s"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_timeout(text));
  }
}
