// SPDX-License-Identifier: MIT
// Tests of a configuration after items were added to its lists, byte by byte, and of the layouts that are
// left alone.
#include "cli/list_edit.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace coppice::cli;

namespace {

const yaml_path children{"top", "children"};
const std::vector<list_item> one{{"- { id: new, args: [1] }\n", "{ id: new, args: [1] }"}};
const std::vector<list_item> two{{"- { id: new }\n", "{ id: new }"},
                                 {"- id: sup\n  x: 1\n", "{ id: sup, x: 1 }"}};

} // namespace

TEST_CASE("items are added to a list in the layout that it has, and nothing else changes") {
  const struct {
    const char* what;
    const char* before;
    const char* after;
  } cases[] = {
      {"a block list", "top:\n  children:\n    - a\n",
       "top:\n  children:\n    - a\n    - { id: new, args: [1] }\n"},
      {"a list at its key's column, and the next key's comment",
       "top:\n  children:\n  - a\n  # of y\n  y: 1\n",
       "top:\n  children:\n  - a\n  - { id: new, args: [1] }\n  # of y\n  y: 1\n"},
      {"its comments stay before the items",
       "top:\n  children:\n    - a # first\n    # - b\n\n# next\nother: 1\n",
       "top:\n  children:\n    - a # first\n    # - b\n    - { id: new, args: [1] }\n\n# next\nother: 1\n"},
      {"a last item of many lines", "top:\n  children:\n    - a: |\n        text\n        # text\n\n  y: 2\n",
       "top:\n  children:\n    - a: |\n        text\n        # text\n    - { id: new, args: [1] }\n\n  y: "
       "2\n"},
      {"no line feed at the end", "top:\n  children:\n    - a",
       "top:\n  children:\n    - a\n    - { id: new, args: [1] }\n"},
      {"lines of DOS", "top:\r\n  children:\r\n    - a\r\nb: 1\r\n",
       "top:\r\n  children:\r\n    - a\r\n    - { id: new, args: [1] }\r\nb: 1\r\n"},
      {"an empty list", "top:\n  children: []\n  y: 1\n",
       "top:\n  children:\n    - { id: new, args: [1] }\n  y: 1\n"},
      {"an empty list with a comment", "top:\n  children: [ ] # none\n",
       "top:\n  children: # none\n    - { id: new, args: [1] }\n"},
      {"a list in brackets", "top: { children: [ a, \"]\" ], y: 1 } # z\n",
       "top: { children: [ a, \"]\", { id: new, args: [1] } ], y: 1 } # z\n"},
      {"an empty list within braces", "top: { children: [] }\n",
       "top: { children: [ { id: new, args: [1] } ] }\n"},
      {"brackets on lines of their own", "top:\n  children: [\n    a,\n    b # last, not ]\n  ]\n",
       "top:\n  children: [\n    a,\n    b, # last, not ]\n    { id: new, args: [1] }\n  ]\n"},
      {"a comma at the end", "top:\n  children: [\n    a,\n  ]\n",
       "top:\n  children: [\n    a,\n    { id: new, args: [1] },\n  ]\n"},
      {"empty brackets on two lines", "top:\n  children: [ # none\n  ]\n",
       "top:\n  children: [ # none\n    { id: new, args: [1] }\n  ]\n"},
      {"no list", "top:\n  y: 1\n\nother: 2\n",
       "top:\n  y: 1\n  children:\n    - { id: new, args: [1] }\n\nother: 2\n"},
      {"no list, within braces", "top: { y: 1 }\n", "top: { y: 1, children: [ { id: new, args: [1] } ] }\n"},
      {"a key without a value", "top:\n  children: # none\n  y: 1\n",
       "top:\n  children: # none\n    - { id: new, args: [1] }\n  y: 1\n"},
      {"no map", "a: 1\n", "a: 1\n\ntop:\n  children:\n    - { id: new, args: [1] }\n"},
      {"a map without a value", "top:\nb: 1\n", "top:\n  children:\n    - { id: new, args: [1] }\nb: 1\n"},
      {"nothing", "", "top:\n  children:\n    - { id: new, args: [1] }\n"},
      {"the end of a document", "top:\n  children:\n  - a\n...\n",
       "top:\n  children:\n  - a\n  - { id: new, args: [1] }\n...\n"},
      {"letters of more than a byte", "top: { ä: \"ü]\", children: [ 'ö''ö', b ] }\n",
       "top: { ä: \"ü]\", children: [ 'ö''ö', b, { id: new, args: [1] } ] }\n"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.what);
    const auto done = add_to_list(each.before, children, one);
    if (!done) FAIL(done.error());
    CHECK(*done == each.after);
  }
}

TEST_CASE("several items, some of several lines") {
  CHECK(add_to_list("top:\n  children:\n    - a\n", children, two).value() ==
        "top:\n  children:\n    - a\n    - { id: new }\n    - id: sup\n      x: 1\n");
  CHECK(add_to_list("top: { children: [a] }\n", children, two).value() ==
        "top: { children: [a, { id: new }, { id: sup, x: 1 }] }\n");
}

TEST_CASE("a list is found by keys and indices") {
  const std::string text = "apps:\n  - name: a\n    children: [x]\n  - name: b\n    children:\n      - y\n";
  CHECK(add_to_list(text, {"apps", std::size_t{0}, "children"}, {{"- z\n", "z"}}).value() ==
        "apps:\n  - name: a\n    children: [x, z]\n  - name: b\n    children:\n      - y\n");
  CHECK(add_to_list(text, {"apps", std::size_t{1}, "children"}, {{"- z\n", "z"}}).value() ==
        text + "      - z\n");
  CHECK(!add_to_list(text, {"apps", std::size_t{2}, "children"}, {{"- z\n", "z"}}));
}

TEST_CASE("where the text would say something else, or has a layout that is not known, there is no result") {
  for (const char* text : {
           "top:\n  children: &all\n    - a\nother: *all\n", // two lists would change
           "other: &all [a]\ntop:\n  children: *all\n",      // two lists would change here, too
           "top:\n  children: 5\n",                          // no list
           "top: [1]\n",                                     // no map
           "top:\n  children:\n    - \"two\n  lines\"\n    - b: [\n  1 ]\n", // the last line is indented less
           "top:\n  children: ~\n",
           "top: {\n",     // no YAML
           "a: 1\na: 2\n", // a key twice
       }) {
    CAPTURE(text);
    const auto done = add_to_list(text, children, one);
    CHECK((!done || done->find("new") != std::string::npos));
    if (std::string_view(text).find("two") == std::string_view::npos) CHECK(!done);
  }
}

TEST_CASE("whatever a text is, what comes of it says what it said before, and the items besides") {
  constexpr std::string_view pieces[] = {"top:", "children:", "\n",  "  ",  "    ", "- ",  "a",
                                         "b: 1", "[",         "]",   "{",   "}",    ", ",  " # c",
                                         "\"",   "'",         "|\n", "&x ", "*x",   "\r\n"};
  std::mt19937 random(52);
  int edited = 0;
  for (int run = 0; run < 20'000; ++run) {
    std::string text = random() % 2 == 0 ? "top:\n  children:" : "top: { children: [";
    for (std::size_t i = random() % 10; i != 0; --i) text += pieces[random() % std::size(pieces)];
    if (text.find('{') != text.npos && random() % 4 != 0) text += "] }";
    const auto done = add_to_list(text, children, one);
    if (!done) {
      CHECK(!done.error().empty());
      continue;
    }
    ++edited;
    auto before = read_yaml(text), after = read_yaml(*done);
    REQUIRE((before && after));
    const nlohmann::json added = {{"id", "new"}, {"args", {1}}};
    nlohmann::json& list = (*after)["top"]["children"];
    REQUIRE(list.back() == added);
    list.erase(list.size() - 1);
    nlohmann::json& former = (*before)["top"]["children"];
    if (former.is_null()) former = nlohmann::json::array();
    CHECK(*before == *after);
  }
  CHECK(edited > 500);
}
