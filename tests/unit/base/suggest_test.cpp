// SPDX-License-Identifier: MIT
// Suggestions for misspelled words: similar words are offered, others are not.
#include "base/suggest.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace coppice;

TEST_CASE("edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(base::edit_distance("", "abc") == 3);
  CHECK(base::edit_distance("restart", "restart") == 0);
  CHECK(base::edit_distance("restrat", "restart") == 1);
  CHECK(base::edit_distance("retart", "restart") == 1);
  CHECK(base::edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("only a likely slip is suggested") {
  constexpr std::array<std::string_view, 3> known{"restart", "shutdown", "id"};
  CHECK(base::did_you_mean("restrat", known) == "did you mean 'restart'?");
  CHECK(base::did_you_mean("elephant", known) == "");
  CHECK(base::did_you_mean("x", known) == "");
  CHECK(base::did_you_mean(std::string(1000, 'r'), known) == "");
}
