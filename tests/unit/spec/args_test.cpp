// SPDX-License-Identifier: MIT
// Tests how args and env in YAML become terms.
#include <doctest/doctest.h>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>

#include "fixture.hpp"
#include "spec/schema/args_schema.hpp"

using namespace coppice;

namespace {

// The args of the only child of a tree, which must load without an error.
spec::encoded_term args_of(const test::spec_folder& folder, const std::string& child) {
  auto result = folder.load_tree("        - " + child + "\n");
  CHECK(spec::render(result.diagnostics) == "");
  REQUIRE(result.spec);
  return result.spec->applications.at(0).supervisor.children.at(0).args;
}

} // namespace

TEST_CASE("keys become atoms, texts binaries, and the rest what Erlang has for it") {
  test::spec_folder folder;
  auto result = folder.load(
      "node: { name: n@h }\napplications:\n  - name: a\n    supervisor: {}\n    env:\n"
      "      text: hello\n      quoted: \"5\"\n      number: 5\n      big: 18446744073709551615\n      real: "
      "1.5\n"
      "      yes: true\n      none: null\n      list: [1, [a]]\n      map: { 7: x }\n");
  CHECK(spec::render(result.diagnostics) == "");
  REQUIRE(result.spec);
  etf::vector_writer expected;
  expected.map(9);
  expected.atom("text");
  expected.binary("hello");
  expected.atom("quoted");
  expected.binary("5");
  expected.atom("number");
  expected.integer(5);
  expected.atom("big");
  expected.unsigned_integer(UINT64_MAX);
  expected.atom("real");
  expected.floating(1.5);
  expected.atom("yes");
  expected.atom("true");
  expected.atom("none");
  expected.atom("undefined");
  expected.atom("list");
  expected.list(2);
  expected.integer(1);
  expected.list(1);
  expected.binary("a");
  expected.nil();
  expected.nil();
  expected.atom("map");
  expected.map(1);
  expected.atom("7");
  expected.binary("x");
  CHECK(result.spec->applications[0].env == expected.take());
}

TEST_CASE("a number no term can hold is an error") {
  test::spec_folder folder;
  CHECK(folder.errors(
            "node: { name: n@h }\napplications:\n  - { name: a, supervisor: {}, env: { x: 1e999 } }\n") ==
        "node.yaml:3:42: error: the number 1e999 is too large\n"
        "    3 |   - { name: a, supervisor: {}, env: { x: 1e999 } }\n"
        "      |                                          ^ whole numbers have 64 bits; there is no "
        "infinity\n");
}

TEST_CASE("durations and sizes become integers where the schema says so, absent keys their defaults") {
  test::spec_folder folder;
  etf::vector_writer expected;
  expected.map(3);
  expected.atom("room");
  expected.integer(64 << 10);
  expected.atom("mode");
  expected.binary("fast");
  expected.atom("every");
  expected.integer(1000);
  CHECK(args_of(folder, "{ id: a, actor: kv, args: { room: 64KiB, mode: fast } }") == expected.take());
  etf::vector_writer given;
  given.map(1);
  given.atom("every");
  given.integer(120'000);
  const auto two_minutes = given.take();
  CHECK(args_of(folder, "{ id: a, actor: kv, args: { every: 2m } }") == two_minutes);
  CHECK(args_of(folder, "{ id: a, actor: kv, args: { every: 120000ms } }") == two_minutes);
}

TEST_CASE("an actor without args gets the defaults, or an empty map") {
  test::spec_folder folder;
  etf::vector_writer expected;
  expected.map(1);
  expected.atom("every");
  expected.integer(1000);
  CHECK(args_of(folder, "{ id: a, actor: kv }") == expected.take());
  CHECK(args_of(folder, "{ id: a, actor: pair:first }") == spec::encoded_term{116, 0, 0, 0, 0});
}

TEST_CASE("a schema outside of the subset is refused where it says so") {
  struct row {
    const char* schema;
    const char* error;
  };
  const row rows[] = {
      {R"({"type": "object", "properties": {"a": {"pattern": "x"}}})",
       "a: the keyword 'pattern' is not supported"},
      {R"({"$ref": "#"})", "the keyword '$ref' is not supported"},
      {R"({"properties": {"a": {"default": {"b": [{"$file": "/etc/passwd"}]}}}})",
       "a: a default names no secret: only the configuration does"},
      {R"({"properties": {"a": {"properties": {"b": {"type": "text"}}}}})",
       "a.b: type \"text\" is not known"},
      {R"({"properties": {"a": {"format": "date"}}})",
       "a: format \"date\" is not known: duration and size are"},
      {R"({"properties": {"a": {"minimum": "x"}}})", "a: expected a number, found \"x\""},
      {R"({"properties": []})", "properties must be an object"},
      {R"({"required": "a"})", "required must be a list"},
      {R"({"type": "string"})", "args are a map: its type must be object"},
  };
  for (const auto& one : rows) {
    CAPTURE(one.schema);
    auto result = spec::args_schema::compile(one.schema);
    REQUIRE_FALSE(result);
    CHECK(result.error().text == one.error);
  }
  CHECK(spec::args_schema::compile(""));
  CHECK(spec::args_schema::compile(R"({"type": "object", "description": "x", "additionalProperties": {"type":
    ["integer", "null"]}})"));
}
