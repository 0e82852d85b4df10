// SPDX-License-Identifier: MIT
// Suggestions: near words are offered, far ones are not.
#include "spec/suggest.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace coppice;

TEST_CASE("edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(spec::edit_distance("", "abc") == 3);
  CHECK(spec::edit_distance("restart", "restart") == 0);
  CHECK(spec::edit_distance("restrat", "restart") == 1);
  CHECK(spec::edit_distance("retart", "restart") == 1);
  CHECK(spec::edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("only a likely slip is suggested") {
  constexpr std::array<std::string_view, 3> known{"restart", "shutdown", "id"};
  CHECK(spec::did_you_mean("restrat", known) == "did you mean 'restart'?");
  CHECK(spec::did_you_mean("elephant", known) == "");
  CHECK(spec::did_you_mean("x", known) == "");
  CHECK(spec::did_you_mean(std::string(1000, 'r'), known) == "");
}
