// SPDX-License-Identifier: MIT
// The JSON text of a note: each rule of note.hpp.
#include <doctest/doctest.h>

#include "manifest/manifest.hpp"

using namespace coppice;

TEST_CASE("the manifest's text is checked for form, each fault named") {
  struct row {
    const char* json;
    const char* error;
  };
  const row rows[] = {
      {"[]", "not an object"},
      {"{}", "coppice is missing or no number"},
      {R"({"coppice": 9})", "the note has format 9, this host reads 1"},
      {R"({"coppice": 1})", "id is missing or no string"},
      {R"({"coppice": 1, "id": "Kv"})",
       "id must be lower-case letters, digits and _, starting with a letter"},
      {R"({"coppice": 1, "id": "../kv"})",
       "id must be lower-case letters, digits and _, starting with a letter"},
      {R"({"coppice": 1, "id": "kv"})", "version is missing or no string"},
      {R"({"coppice": 1, "id": "kv", "version": "1\n"})", "version contains control characters"},
      {R"({"coppice": 1, "id": "kv", "version": "1"})", "abi must be a list of two numbers, major and minor"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, -1]})",
       "abi's minor must be a whole number from 0"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0]})",
       "actors must be a list of at least one"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": []})",
       "actors must be a list of at least one"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [7]})",
       "actors[0]: not an object"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a"}]})",
       "actors[0]: behaviour is missing or no string"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "args_schema": 1}]})",
       "actors[0]: args_schema must be an object"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server"},
          {"name": "a", "behaviour": "server"}]})",
       "actor a stands there twice"},
  };
  for (const auto& one : rows) {
    CAPTURE(one.json);
    auto result = manifest::parse(one.json);
    REQUIRE_FALSE(result);
    CHECK(result.error().text == one.error);
  }
}

TEST_CASE("keys of later versions and padding are ignored") {
  std::string text =
      R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "later": {"x": [1]},
          "actors": [{"name": "kv", "behaviour": "server", "later": 1}]})";
  text.append(3, '\0');
  auto result = manifest::parse(text);
  REQUIRE(result);
  CHECK(result->actors.at(0).state_version == 0);
  CHECK(result->actors.at(0).args_schema == "");
}

TEST_CASE("size and nesting are bounded") {
  CHECK(manifest::parse(std::string(70'000, ' ')).error().text == "longer than 64 KiB");
  CHECK(manifest::parse(std::string(60'000, '[')).error().text == "nested too deeply");
}
