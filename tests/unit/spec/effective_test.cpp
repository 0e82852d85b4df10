// SPDX-License-Identifier: MIT
// Tests the effective configuration, with all defaults filled in: for every file in config/ and in
// effective/ here, each line must be the one in effective/NAME.txt. Plugins are left out, so the files need
// none. With COPPICE_WRITE_EFFECTIVE set, the test writes these texts instead; read the difference before
// you commit it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fixture.hpp"

using namespace coppice;

namespace {

// Replaces the path of the checkout, which differs between machines.
std::string without_folder(std::string text, const std::string& folder) {
  for (std::size_t at = 0; (at = text.find(folder, at)) != std::string::npos;)
    text.replace(at, folder.size(), "/checkout");
  return text;
}

std::vector<std::filesystem::path> configurations() {
  std::vector<std::filesystem::path> all;
  for (const char* folder : {config_folder, effective_folder})
    for (const auto& one : std::filesystem::directory_iterator(folder))
      if (one.path().extension() == ".yaml") all.push_back(one.path());
  std::ranges::sort(all);
  return all;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream from(text);
  for (std::string one; std::getline(from, one);) lines.push_back(one);
  return lines;
}

} // namespace

TEST_CASE("the effective configuration of each of our files is the one that is kept beside this test") {
  const std::string checkout = std::filesystem::path(config_folder).parent_path().string();
  const auto all = configurations();
  REQUIRE(all.size() >= 8);
  for (const auto& file : all) {
    CAPTURE(file.filename().string());
    const auto loaded = spec::load({file.string()}, {.plugins = false});
    CHECK(spec::render(loaded.diagnostics) == "");
    REQUIRE(loaded.spec);
    const std::string text = without_folder(spec::effective_yaml(*loaded.spec), checkout);
    const std::string kept = std::string(effective_folder) + "/" + file.stem().string() + ".txt";
    if (std::getenv("COPPICE_WRITE_EFFECTIVE") != nullptr) {
      std::ofstream(kept, std::ios::binary) << text;
      continue;
    }
    const auto are = lines_of(text), wanted = lines_of(test::read_file(kept));
    for (std::size_t i = 0; i < std::min(are.size(), wanted.size()); ++i) {
      CAPTURE(i + 1);
      REQUIRE(are[i] == wanted[i]);
    }
    CHECK(are.size() == wanted.size());
  }
}
