// SPDX-License-Identifier: MIT
// Valid node names, and invalid ones.
#include "dist/node_name.hpp"

#include <doctest/doctest.h>

#include "base/printable.hpp"

using namespace coppice;
using namespace coppice::dist;

TEST_CASE("a node name is alive@host, long when the host has a dot") {
  const auto name = parse_node_name("a@b.c");
  REQUIRE(name);
  CHECK(name->alive == "a");
  CHECK(name->host == "b.c");
  CHECK(name->is_long());
  CHECK(parse_node_name("a@::1")->is_long());
  CHECK_FALSE(parse_node_name("a@b")->is_long());
}

TEST_CASE("names that are none are refused with the reason") {
  for (const auto& [name, why] : {std::pair<std::string, const char*>{"a", "no '@'"},
                                  {"@b", "before"},
                                  {"a@", "after"},
                                  {"a@b@c", "more than one"},
                                  {"a\n@b", "control"},
                                  {"a b@c", "space"},
                                  {"a\xc2\x9b@b", "control"},
                                  {"\xff@b", "UTF-8"},
                                  {"a@\xe2\x80\xae", "control"},
                                  {std::string(260, 'x') + "@b", "255"}}) {
    const auto parsed = parse_node_name(name);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text.find(why) != std::string::npos);
    CHECK(base::is_printable(parsed.error().text));
  }
}

TEST_CASE("255 characters are enough whatever their bytes") {
  std::string wide;
  for (int i = 0; i < 250; ++i) wide += "ä";
  CHECK(parse_node_name(wide + "@b.c"));
}
