// SPDX-License-Identifier: MIT
// What readers see in place of a term, or of a mistake in a file, that they may not see.
#include "control/hidden_terms.hpp"

#include <doctest/doctest.h>

using namespace coppice;

TEST_CASE("a term is told by its shape alone") {
  CHECK(control::shape_of("size") == "size");
  CHECK(control::shape_of(" size ") == "size");
  CHECK(control::shape_of("{put, <<\"secret\">>, 1}") == "{put, …}");
  CHECK(control::shape_of("{ put , secret}") == "{put, …}");
  for (const char* text : {"{put}", "{<<\"secret\">>, 1}", "{'a secret', 1}", "{}", "{"})
    CHECK(control::shape_of(text) == "{…}");
  for (const char* text : {"", "'a secret'", "\"secret\"", "[secret]", "size secret", "17"})
    CHECK(control::shape_of(text) == "…");
}

TEST_CASE("a sentence keeps its words, and loses the term or the mistake at its end") {
  CHECK(control::without_term("it ended: {badmatch, secret}") == "it ended: {badmatch, …}");
  CHECK(control::without_term("it ended: noproc") == "it ended: noproc");
  CHECK(control::without_mistake("refused: node.yaml:3:5: no such key 'secret'") == "refused: node.yaml:3:5");
  CHECK(control::without_mistake("3 changes") == "3 changes");
}
