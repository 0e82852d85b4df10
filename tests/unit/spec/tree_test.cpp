// SPDX-License-Identifier: MIT
// Tests of YAML that is broken, hostile or merely surprising: it causes an error that explains it, and
// quickly.
#include "spec/schema/tree.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <ctime>

#include "base/sanitizer.hpp"

using namespace coppice;

namespace {

std::string errors(const std::string& text, const spec::tree_limits& limits = {}) {
  spec::sources texts;
  auto file = texts.add("f.yaml", "/", text);
  spec::report to(texts);
  spec::yaml_tree nodes;
  spec::node* root = spec::parse_yaml(texts, file, nodes, to, limits);
  CHECK((root != nullptr || to.failed()));
  return spec::render(to.take());
}

// The parser's own message, which differs between its releases.
std::string parsers_words(const std::string& text) {
  try {
    YAML::Load(text);
  } catch (const YAML::Exception& error) {
    return error.msg.substr(0, error.msg.find(": ")); // without the anchor's name
  }
  return {};
}

std::string repeat(std::string_view part, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  return text;
}

} // namespace

TEST_CASE("what is not YAML is placed and explained") {
  struct row {
    const char* text;
    std::string shown;
  };
  const row rows[] = {
      {"a:\n\tb: 1\n",
       "f.yaml:2:1: error: a tab in the indentation\n    2 |  b: 1\n      | ^ YAML indents with spaces "
       "only\n"},
      {"a: b: c\n",
       "f.yaml:1:5: error: not YAML: illegal map value\n    1 | a: b: c\n      |     ^ a text with ': ' or ' "
       "#' in it "
       "wants quotes; else look at the indentation\n"},
      {"a: @x\n",
       "f.yaml:1:4: error: not YAML: unknown token\n    1 | a: @x\n      |    ^ a text that starts with this "
       "character wants quotes\n"},
      {"a: 'x\n",
       "f.yaml:3:1: error: not YAML: illegal document indicator in scalar\n    3 | \n      | ^ is a closing "
       "quote "
       "missing?\n"},
      {"a: \xff\n",
       "f.yaml:1:4: error: this is not UTF-8\n    1 | a: \\xff\n      |    ^ save the file as UTF-8\n"},
      {"a: \xc0\xaf\n",
       "f.yaml:1:4: error: this is not UTF-8\n    1 | a: \\xc0\\xaf\n      |    ^ save the file as UTF-8\n"},
      {"a: \x04\nb: 1\n",
       "f.yaml:1:4: error: a control character has no place in a configuration\n    1 | a: \\x04\n      |    "
       "^\n"},
      {"a: 1\n---\nb: 2\n",
       "f.yaml:2:1: error: a second document begins here\n    2 | ---\n      | ^ a configuration file is one "
       "document\n"},
      {"[a]: b\n",
       "f.yaml:1:1: error: a key must be a text, this is a list or a map\n    1 | [a]: b\n      | ^\n"},
      {"a: !!int 3\n",
       "f.yaml:1:4: error: tags are not understood: tag:yaml.org,2002:int\n    1 | a: !!int 3\n      |    ^ "
       "leave the "
       "tag out; quotes make a text\n"},
      {"a: &x {b: 1}\nc: { <<: *x }\n",
       "f.yaml:2:6: error: merge keys (<<) are not understood\n    2 | c: { <<: *x }\n      |      ^ write "
       "the values "
       "out, or alias them one by one\n"},
      {"a: *x\n",
       "f.yaml:1:4: error: not YAML: " + parsers_words("a: *x\n") + "\n    1 | a: *x\n      |    ^\n"},
      {"a: &x [*x]\n",
       "f.yaml:1:8: error: this alias stands for a value that contains it\n    1 | a: &x [*x]\n      |       "
       " ^\n"},
      {"a: 1\nb: 2\n'a': 3\n",
       "f.yaml:3:1: error: the key 'a' stands here a second time\n    3 | 'a': 3\n      | ^ first on line "
       "1\n"},
  };
  for (const auto& one : rows) {
    CAPTURE(one.text);
    CHECK(errors(one.text) == one.shown);
  }
}

TEST_CASE("an alias stands for what it names") {
  spec::sources texts;
  auto file = texts.add("f.yaml", "/", "a: &x [1, 2]\nb: *x\n");
  spec::report to(texts);
  spec::yaml_tree nodes;
  auto* root = spec::parse_yaml(texts, file, nodes, to);
  REQUIRE(root);
  CHECK(root->find("a") == root->find("b"));
}

TEST_CASE("an empty document is an empty map") {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "~\n", "\xef\xbb\xbf"}) {
    CAPTURE(text);
    CHECK(errors(text) == "");
  }
}

TEST_CASE("an alias bomb is refused before it goes off") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    auto name = "a" + std::to_string(i);
    auto last = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + last;
    for (int j = 0; j < 8; ++j) bomb += ", " + last;
    bomb += "]\n";
  }
  CHECK(errors(bomb) ==
        "f.yaml:6:40: error: aliases stand for more than 524288 values\n"
        "    6 | a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]\n"
        "      |                                        ^ aliases of aliases multiply\n");
}

TEST_CASE("what aliases stand for is bounded in values and in bytes of text") {
  CHECK(errors("a: &a [1, 2, 3]\nb: [*a, *a]\n", {.aliased = 8}) == "");
  CHECK(errors("a: &a [1, 2, 3]\nb: [*a, *a]\n", {.aliased = 7})
            .find("f.yaml:2:9: error: aliases stand for more than 7 values") == 0);
  CHECK(errors("a: &a [abc, {d: ef}]\nb: [*a, *a]\n", {.aliased_text = 12}) == "");
  CHECK(errors("a: &a [abc, {d: ef}]\nb: [*a, *a]\n", {.aliased_text = 11})
            .find("f.yaml:2:9: error: aliases stand for more than 0 MiB of text") == 0);
  // Aliases of a text of half a mebibyte are refused by the size of what they would expand to.
  std::string many = "a: &a " + std::string(1 << 19, 'x') + "\nb:\n";
  for (int i = 0; i < 200; ++i) many += "- *a\n";
  CHECK(errors(many).find("f.yaml:131:3: error: aliases stand for more than 64 MiB of text") == 0);
}

TEST_CASE("bytes, values and depth are bounded") {
  CHECK(errors(std::string(2000, ' '), {.bytes = 1 << 10}) ==
        "f.yaml: error: the file is larger than 0 MiB\n");
  CHECK(errors("a: 1\nb: [1, 2, 3]\n", {.line = 9})
            .find("f.yaml:2:1: error: the line is longer than 9 bytes") == 0);
  CHECK(errors("a: 1\nb: [1, 2,\n 3]\n", {.line = 10}) == "");
  CHECK(errors("[1, 2, 3]", {.values = 3})
            .find("f.yaml:1:8: error: the document grows to more than 3 values") == 0);
  std::string deep = std::string(500, '[') + std::string(500, ']');
  CHECK(errors(deep).find("error: nested deeper than 400 levels") != std::string::npos);
}

TEST_CASE("depth counts through aliases") {
  const auto within = [](int levels, std::string_view what) {
    const auto count = static_cast<std::size_t>(levels);
    return std::string(count, '[') + std::string(what) + std::string(count, ']');
  };
  // The map counts as a level.
  CHECK(errors("a: &a " + within(199, "1") + "\nb: " + within(200, "*a") + "\n") == "");
  CHECK(errors("a: &a " + within(200, "1") + "\nb: " + within(200, "*a") + "\n")
            .find("f.yaml:2:204: error: nested deeper than 400 levels") == 0);
  std::string chain = "a0: &a0 " + within(390, "1") + "\n";
  for (int i = 1; i < 146; ++i)
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " " +
             within(390, "*a" + std::to_string(i - 1)) + "\n";
  CHECK(errors(chain).find("f.yaml:2:") == 0);
  CHECK(errors(chain).find("nested deeper than 400 levels") != std::string::npos);
  CHECK(errors("a: &a {b: [1]}\nc: {d: *a}\n", {.depth = 4}) == "");
  CHECK(errors("a: &a {b: [1]}\nc: {d: *a}\n", {.depth = 3}).find("nested deeper than 3 levels") !=
        std::string::npos);
}

TEST_CASE("hostile texts are refused or read within a second of the processor's time") {
  for (const char* part : {"[",   "{", "- ",  "? ",   "[[]", "a,",      "&a ",  "*a ", "\"",     "'",
                           "a: ", "!", "!a ", "- \n", "a\n", ": ",      "{a: ", "[a,", "x: 1\n", "- - \n",
                           "#",   " ", "\n",  "%a\n", "|\n", "a: |\n ", "--- ", "]",   "\t"})
    for (const char* opening : {"", "[", "a: '"}) {
      CAPTURE(part);
      CAPTURE(opening);
      const std::clock_t start = std::clock();
      errors(opening + repeat(part, 1 << 16));
      CHECK(std::clock() - start < CLOCKS_PER_SEC * (base::sanitized ? 10 : 1));
    }
}
