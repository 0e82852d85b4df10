// SPDX-License-Identifier: MIT
// Tests that the files in config/ agree with the code.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "fixture.hpp"

using namespace coppice;

TEST_CASE("the published JSON Schema is the table's") {
  const auto published = test::read_file(std::string(config_folder) + "/node.schema.json");
  // After a change, `coppice schema > config/node.schema.json` publishes the new one.
  CHECK((published == spec::json_schema()));
}

TEST_CASE("the demo configuration is good, plugins aside") {
  auto result = spec::load({std::string(config_folder) + "/demo.yaml"}, {.plugins = false});
  CHECK(spec::render(result.diagnostics) == "");
  REQUIRE(result.spec);
  CHECK(result.spec->node.name == "demo@127.0.0.1");
  CHECK_FALSE(result.spec->node.cookie.file);
  CHECK(result.spec->plugins.path.at(0).ends_with("/build/plugins"));
  CHECK(result.spec->node.data.ends_with("/build/demo"));
}

TEST_CASE("every configuration of the folder is good, plugins aside, and stands on its page") {
  const auto page = test::read_file(std::string(config_folder) + "/README.md");
  std::vector<std::string> files;
  for (const auto& one : std::filesystem::directory_iterator(config_folder))
    if (one.path().extension() == ".yaml") files.push_back(one.path().filename());
  std::ranges::sort(files);
  REQUIRE(files.size() >= 7);
  for (const std::string& file : files) {
    CAPTURE(file);
    const auto result = spec::load({std::string(config_folder) + "/" + file}, {.plugins = false});
    CHECK(spec::render(result.diagnostics) == "");
    CHECK(result.spec);
    CHECK(page.find("| `" + file + "` |") != std::string::npos);
  }
}

TEST_CASE("the nodes of the cluster's configuration have one list, in which each is itself") {
  const auto result = spec::load({std::string(config_folder) + "/cluster.yaml"}, {.plugins = false});
  REQUIRE(result.spec);
  CHECK(result.spec->distribution.peers == std::vector<std::string>{"elm@127.0.0.1", "oak@127.0.0.1"});
  CHECK(result.spec->node.name == result.spec->distribution.peers.front());
}
