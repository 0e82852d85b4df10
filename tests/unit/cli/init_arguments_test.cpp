// SPDX-License-Identifier: MIT
// Tests of the arguments of init: which texts are read, and that every other text is refused with a
// sentence.
#include "cli/init_arguments.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace coppice::cli;
using json = nlohmann::ordered_json;

TEST_CASE("a parent, a name and options are read") {
  const struct {
    const char* text;
    const char* parent;
    const char* name;
    const char* options;
  } cases[] = {
      {"cart", "", "cart", "{}"},
      {"front:cart", "front", "cart", "{}"},
      {"cart{}", "", "cart", "{}"},
      {"f:cart{lang:c,quick}", "f", "cart", R"({"lang":"c","quick":true})"},
      {"cart{ port : 8080 , address : 127.0.0.1 }", "", "cart", R"({"port":8080,"address":"127.0.0.1"})"},
      {"cart{args:{start:-5,deep:{a:[1,x,\"y, z\"]}}}", "", "cart",
       R"({"args":{"start":-5,"deep":{"a":[1,"x","y, z"]}}})"},
      {"job{at:30 2 * * *,message:\"{put, a}\"}", "", "job", R"({"at":"30 2 * * *","message":"{put, a}"})"},
      {"x{a:\"say \\\"so\\\"\",b:false,c:1.5}", "", "x", R"({"a":"say \"so\"","b":false,"c":"1.5"})"},
      {"site{url:http://x:80/}", "", "site", R"({"url":"http://x:80/"})"},
      {"x{l:[]}", "", "x", R"({"l":[]})"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const auto read = parse_written_node(one.text);
    REQUIRE(read);
    CHECK(read->parent == one.parent);
    CHECK(read->name == one.name);
    CHECK(read->options == json::parse(one.options));
  }
}

TEST_CASE("what cannot be read is told in a sentence") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "there is no name"},
      {":cart", "no name before ':'"},
      {"front:", "there is no name"},
      {"a:b:c", "more than one ':'"},
      {"cart{lang:c", "before a '}'"},
      {"cart{", "has no '}'"},
      {"cart{a:", "has no '}'"},
      {"cart}", "has no '{'"},
      {"cart{a}b", "follows the last '}'"},
      {"cart{,}", "a key is missing"},
      {"cart{a:,}", "a value is missing"},
      {"cart{a,a}", "'a' is there twice"},
      {"cart{a:\"b}", "has no other one"},
      {"cart{a:[1,2}", "where ',' or ']' is expected"},
      {"cart{a:\xff}", "it is not UTF-8"},
      {"cart{a:b{c}}", "where ',' or '}' is expected"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.first);
    const auto read = parse_written_node(one.first);
    REQUIRE(!read);
    CAPTURE(read.error());
    CHECK(read.error().find(one.second) != std::string::npos);
  }
  CHECK(!parse_written_node("x{a:" + std::string(100'000, '[')));
}

TEST_CASE("arguments made at random are read, or refused with a sentence") {
  constexpr std::string_view pieces[] = {"{",  "}", "[",  "]", ":",  ",",   "\"",
                                         "\\", "a", "b1", " ", "-3", "true"};
  std::mt19937 random(52);
  int read_well = 0;
  for (int run = 0; run < 200'000; ++run) {
    std::string text = "n{";
    for (std::size_t i = random() % 12; i != 0; --i) text += pieces[random() % std::size(pieces)];
    if (random() % 2 == 0) text += "}";
    const auto read = parse_written_node(text);
    if (read)
      ++read_well;
    else if (read.error().empty())
      FAIL("no sentence for " << text);
  }
  CHECK(read_well > 1000);
}
