// SPDX-License-Identifier: MIT
// Tests that a folder given as configuration means its main file and its parts, in the order of their names.
#include "spec/schema/default_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "temporary_folder.hpp"

using namespace coppice;
using spec::configuration_files;
using strings = std::vector<std::string>;

TEST_CASE("files are themselves, and a folder is its node.yaml and conf.d") {
  test::temporary_folder folder;
  const auto path = [&](const char* name) { return (std::filesystem::path(folder.path()) / name).string(); };
  CHECK(configuration_files({path("a.yaml"), path("none.yaml")}) ==
        strings{path("a.yaml"), path("none.yaml")});
  CHECK(configuration_files({folder.path()}) == strings{path("node.yaml")});
  std::filesystem::create_directory(path("conf.d"));
  for (const char* name : {"conf.d/b.yaml", "conf.d/a.yaml", "conf.d/a.yaml.bak"})
    std::ofstream(path(name)) << "";
  const strings whole{path("node.yaml"), path("conf.d/a.yaml"), path("conf.d/b.yaml")};
  CHECK(configuration_files({folder.path()}) == whole);
  CHECK(configuration_files({}, folder.path()) == whole);
  CHECK(configuration_files({folder.path(), path("x.yaml")}).back() == path("x.yaml"));
}
