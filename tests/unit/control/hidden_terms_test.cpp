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
  for (const char* term :
       {"[secret]", "['a', b]", "[1,2]", "'a secret'", "'it\\'s: secret'", "'a secret that was c", "17",
        "-17", "1.5e-7", "\"secret\"", "<<\"secret\">>", "#{'a secret' => 1}"}) {
    CAPTURE(term);
    for (const std::string before : {"", "it ended: ", "shop/stock: its supervisor ended: "})
      for (const char* after : {"", "; it had 3 lines to handle"}) {
        const std::string told = control::without_term(before + term + after);
        CHECK(told.starts_with(before));
        CHECK((told.ends_with("…") || told.ends_with("#{…}")));
        CHECK(told.find("secret") == told.npos);
        CHECK(told.find("17") == told.npos);
      }
  }
  for (const char* prose :
       {"[::1]:4369 refused", "at last: [fe80::1]:4369: refused", "10.0.0.1:4369: refused",
        "'kv' has no children", "3 changes", "in vain: 3 of 4 answered"})
    CHECK(control::without_term(prose) == prose);
  CHECK(control::without_mistake("refused: node.yaml:3:5: no such key 'secret'") == "refused: node.yaml:3:5");
  CHECK(control::without_mistake("3 changes") == "3 changes");
}
