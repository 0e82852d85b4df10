// SPDX-License-Identifier: MIT
// The files in config/ are what the code says.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice;

TEST_CASE("the published JSON Schema is the table's") {
  const auto published = test::read_file(std::string(config_folder) + "/node.schema.json");
  // `coppice schema > config/node.schema.json` publishes a changed one.
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
