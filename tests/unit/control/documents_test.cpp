// SPDX-License-Identifier: MIT
// Reports of engines as JSON.
#include "control/documents.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>

using namespace coppice;

namespace {

std::string document(std::string_view text) {
  const auto term = etf::parse(text);
  REQUIRE(term.has_value());
  return control::report_document(runtime::message::copy_of(*term)).dump();
}

} // namespace

TEST_CASE("a report is a document with the same keys") {
  CHECK(
      document("#{kind => raft, size => 2, up => true, peer => <<\"a@b\">>, rows => [#{held => 1}, #{}]}") ==
      R"({"kind":"raft","peer":"a@b","rows":[{"held":1},{}],"size":2,"up":true})");
}

TEST_CASE("what a report has no value for, or what JSON has none for, is null") {
  CHECK(document("#{pid => undefined, none => none, tuple => {1}, below => -1, real => 1.5}") ==
        R"({"below":null,"none":"none","pid":null,"real":null,"tuple":null})");
}

TEST_CASE("a report that is nested deeply ends in null") {
  CHECK(document("[[[[[[[[[[[1]]]]]]]]]]]") == "[[[[[[[[[null]]]]]]]]]");
}
