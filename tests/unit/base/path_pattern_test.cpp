// SPDX-License-Identifier: MIT
// Patterns for the paths of requests: which paths match, which names they give, and which patterns are
// refused.
#include "base/path_pattern.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace coppice;

namespace {

// The names found, as name=value, …; "-": it does not match.
std::string matched(std::string_view pattern, std::string_view path) {
  const auto parsed = base::path_pattern::parse(pattern);
  REQUIRE(parsed);
  const auto segments = base::path_segments(path);
  REQUIRE(segments);
  const auto found = parsed->match(*segments);
  if (!found) return "-";
  std::string out;
  for (const auto& [name, value] : *found) out += name + "=" + value + ";";
  return out;
}

} // namespace

TEST_CASE("a pattern takes the paths of its shape, and names what stands in its braces") {
  struct row {
    const char* pattern;
    const char* path;
    const char* expected;
  };
  const row rows[] = {
      {"/", "/", ""},
      {"/", "/a", "-"},
      {"/users", "/users", ""},
      {"/users", "/users/", "-"},
      {"/users/", "/users/", ""},
      {"/users/{id}", "/users/7", "id=7;"},
      {"/users/{id}", "/users/", "-"},
      {"/users/{id}", "/users/7/8", "-"},
      {"/users/{id}", "/users/a%2Fb", "id=a/b;"},
      {"/{a}/x/{b}", "/1/x/2", "a=1;b=2;"},
      {"/f/{rest...}", "/f/", "rest=;"},
      {"/f/{rest...}", "/f", "rest=;"},
      {"/f/{rest...}", "/f/a//b", "rest=a//b;"},
      {"/a%20b", "/a b", ""},
      {"/a b", "/a%20b", ""},
      {"/A", "/a", "-"},
  };
  for (const row& each : rows) {
    CAPTURE(each.pattern);
    CAPTURE(each.path);
    CHECK(matched(each.pattern, each.path) == each.expected);
  }
}

TEST_CASE("what is no pattern is refused") {
  for (const char* bad : {"", "users", "/a{b}", "/{b}c", "/{}", "/{a b}", "/{a}/{a}", "/{a...}/b", "/..",
                          "/%zz", "/a?b", "/a#b", "/{a", "/a}"}) {
    CAPTURE(bad);
    CHECK_FALSE(base::path_pattern::parse(bad));
  }
}

TEST_CASE("a path that leads elsewhere, or says nothing for certain, has no segments") {
  for (const char* bad :
       {"", "a", "*", "/.", "/..", "/a/../b", "/%2e%2e/a", "/%2E", "/%", "/%0", "/%zz", "/%00"}) {
    CAPTURE(bad);
    CHECK_FALSE(base::path_segments(bad));
  }
  CHECK(base::path_segments("/a..b/...") == std::vector<std::string>{"a..b", "..."});
  CHECK(base::path_segments("/%41%ff") == std::vector<std::string>{"A\xff"});
}

TEST_CASE("a pattern covers another one if it matches every path of the other") {
  const auto covers = [](const char* wide, const char* narrow) {
    return base::path_pattern::parse(wide)->covers(*base::path_pattern::parse(narrow));
  };
  CHECK(covers("/items", "/items"));
  CHECK(covers("/{rest...}", "/items"));
  CHECK(covers("/{rest...}", "/a/{b}/{c...}"));
  CHECK(covers("/a/{b}", "/a/b"));
  CHECK(covers("/a/{b}", "/a/{c}"));
  CHECK_FALSE(covers("/a/b", "/a/{b}"));
  CHECK_FALSE(covers("/a/{b}", "/a/"));
  CHECK_FALSE(covers("/a/{b}", "/a/{b...}"));
  CHECK_FALSE(covers("/a", "/a/b"));
  CHECK_FALSE(covers("/a/b", "/a"));
  CHECK_FALSE(covers("/a/{rest...}", "/b/c"));
}

TEST_CASE("a query is taken apart in its order") {
  using pairs = base::path_parameters;
  CHECK(base::query_parameters("") == pairs{});
  CHECK(base::query_parameters("a=1&b&a=2&=x&&c=d=e") ==
        pairs{{"a", "1"}, {"b", ""}, {"a", "2"}, {"", "x"}, {"c", "d=e"}});
  CHECK(base::query_parameters("a+b=%2B+%26") == pairs{{"a b", "+ &"}});
  CHECK_FALSE(base::query_parameters("a=%"));
  CHECK_FALSE(base::query_parameters("%00=a"));
}
