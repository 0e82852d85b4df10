// SPDX-License-Identifier: MIT
// Tests of the history of applied configurations, and of going back to an earlier one.
#include "node/changes/apply_history.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/file.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

TEST_CASE("each configuration that runs is an entry, one that is the same is none") {
  test::temporary_folder place;
  node::apply_history history(place.path() + "/history");
  CHECK(history.entries().empty());
  CHECK_FALSE(history.former("a\n"));
  REQUIRE(history.add({0, 1, "start", {}}, "a\n"));
  REQUIRE(history.add({0, 2, "start", {}}, "a\n"));
  CHECK_FALSE(history.former("a\n"));
  REQUIRE(history.add({0, 3, "uid 0", {"stop x"}}, "b\n"));
  const auto all = node::apply_history(place.path() + "/history").entries();
  REQUIRE(all.size() == 2);
  CHECK(all[1].by == "uid 0");
  CHECK(all[1].changes == std::vector<std::string>{"stop x"});
  REQUIRE(history.former("b\n"));
  CHECK(*base::read_file(*history.former("b\n"), 100) == "a\n");
}

TEST_CASE("the last entry is the way back from a configuration that could not be kept") {
  test::temporary_folder place;
  node::apply_history history(place.path());
  REQUIRE(history.add({0, 1, "start", {}}, "a\n"));
  REQUIRE(history.add({0, 2, "uid 0", {}}, "b\n"));
  std::filesystem::create_directory(place.path() + "/3.yaml"); // in the way of the next one
  CHECK_FALSE(history.add({0, 3, "uid 0", {}}, "c\n"));
  for (const char* text : {"c\n", "b\nand more\n", ""}) {
    REQUIRE(history.former(text));
    CHECK(*base::read_file(*history.former(text), 100) == "b\n");
  }
}

TEST_CASE("the last ones are kept, and an index that cannot be understood is begun anew") {
  test::temporary_folder place;
  node::apply_history history(place.path());
  for (int i = 0; i < 30; ++i) REQUIRE(history.add({0, i, "x", {}}, std::to_string(i)));
  const auto all = history.entries();
  REQUIRE(all.size() == node::apply_history::most);
  CHECK(all.front().number == 11);
  CHECK(all.back().number == 30);
  CHECK_FALSE(base::read_file(place.path() + "/10.yaml", 100));
  for (
      const char* text :
      {"[", "{}", "[1]",
       R"([{"number": 2, "at": 1, "by": "x", "changes": []}, {"number": 1, "at": 1, "by": "x", "changes": []}])"}) {
    REQUIRE(base::write_file_atomic(place.path() + "/index.json", text, 0600));
    CHECK(history.entries().empty());
  }
  REQUIRE(history.add({0, 1, "y", {}}, "z"));
  CHECK(history.entries().size() == 1);
}
