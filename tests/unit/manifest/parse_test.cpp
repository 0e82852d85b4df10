// SPDX-License-Identifier: MIT
// Tests of the JSON text of a note: each rule of note.hpp.
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
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server"}]})",
       "actors[0]: tables is missing or no list"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": "coppice.server/1"}]})",
       "actors[0]: tables is missing or no list"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": [], "args_schema": 1}]})",
       "actors[0]: args_schema must be an object"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": [], "takes": "web"}]})",
       "actors[0]: takes is no list"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": [], "takes": [1]}]})",
       "actors[0]: takes must be a list of words"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": [], "answers": "requests"}]})",
       "actors[0]: answers is no list"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": [], "answers": [1]}]})",
       "actors[0]: answers must be a list of words"},
      {R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
          "tables": []}, {"name": "a", "behaviour": "server", "tables": []}]})",
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
          "actors": [{"name": "kv", "behaviour": "server", "tables": [], "later": 1}]})";
  text.append(3, '\0');
  auto result = manifest::parse(text);
  REQUIRE(result);
  CHECK(result->actors.at(0).state_version == 0);
  CHECK(result->actors.at(0).args_schema == "");
  CHECK(result->actors.at(0).may_take_web()); // its note says nothing about it
}

TEST_CASE("a table is NAME/REVISION, of at most 64 bytes, and there are at most 32") {
  const auto parsed = [](const std::string& tables) {
    return manifest::parse(R"({"coppice": 1, "id": "kv", "version": "1", "abi": [1, 0], "actors": [)"
                           R"({"name": "kv", "behaviour": "server", "tables": [)" +
                           tables + "]}]}");
  };
  const std::string longest = "a/" + std::string(62, '1');
  const auto good =
      parsed("\"coppice.server/1\", \"coppice.pond/draft-2\", \"org.example_2/x_1.0\", \"" + longest + "\"");
  REQUIRE(good);
  CHECK(good->actors[0].tables ==
        std::vector<std::string>{"coppice.server/1", "coppice.pond/draft-2", "org.example_2/x_1.0", longest});
  for (const std::string bad : {"7", "\"\"", "\"/\"", "\"server\"", "\"/1\"", "\"server/\"", "\"Server/1\"",
                                "\"a/b/1\"", "\"a-b/1\"", "\"a/\\n\""}) {
    CAPTURE(bad);
    const auto result = parsed("\"coppice.server/1\", " + bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().text ==
          "actors[0]: tables[1] must be NAME/REVISION in lower-case letters, digits, _ and ., at most 64 "
          "bytes");
  }
  CHECK_FALSE(parsed("\"" + longest + "1\""));
  std::string many = "\"a/0\"";
  for (int i = 1; i < 32; ++i) many += ",\"a/" + std::to_string(i) + "\"";
  CHECK(parsed(many));
  CHECK(parsed(many + ",\"a/32\"").error().text == "actors[0]: tables has more than 32 names");
}

TEST_CASE("size and nesting are bounded") {
  CHECK(manifest::parse(std::string(70'000, ' ')).error().text == "longer than 64 KiB");
  CHECK(manifest::parse(std::string(60'000, '[')).error().text == "nested too deeply");
}

TEST_CASE("an actor answers what its note says, and whatever there is if it says nothing") {
  const auto actor = [](const std::string& more) {
    const auto read = manifest::parse(
        R"({"coppice": 1, "id": "a", "version": "1", "abi": [1, 0], "actors": [{"name": "a", "behaviour": "server",
            "tables": [])" +
        more + "}]}");
    REQUIRE(read);
    return read->actors[0];
  };
  CHECK(actor("").may_answer("websockets"));
  CHECK(actor(R"(, "answers": ["requests", "later"])").may_answer("requests"));
  CHECK_FALSE(actor(R"(, "answers": ["requests"])").may_answer("websockets"));
  CHECK_FALSE(actor(R"(, "answers": ["requests"], "takes": ["calls"])").may_answer("requests"));
}
