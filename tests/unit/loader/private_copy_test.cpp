// SPDX-License-Identifier: MIT
// The folder of private copies: whose it is, what it is swept of, and how its files are called.
#include "loader/private_copy.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.hpp"
#include "workshop.hpp"

using namespace coppice;
using test::workshop;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

} // namespace

TEST_CASE("copies are ours alone and named after plugin, build and generation") {
  workshop shop;
  const auto file = shop.put("fixture_good");
  loader::copy_folder copies(shop.data().string());
  REQUIRE(copies.prepare().has_value());
  CHECK(mode_of(copies.path()) == 0700);
  const auto opened = base::open_file(file.string(), O_RDONLY);
  REQUIRE(opened);
  const auto copy = copies.copy(opened->get(), "fixture", "ab/12", 7);
  REQUIRE(copy.has_value());
  CHECK(*copy == copies.path() + "/fixture-ab_12-7.so");
  CHECK(mode_of(*copy) == 0600);
  CHECK(std::filesystem::file_size(*copy) == std::filesystem::file_size(file));
}

TEST_CASE("preparing sweeps what an earlier run left") {
  workshop shop;
  loader::copy_folder copies(shop.data().string());
  REQUIRE(copies.prepare().has_value());
  std::ofstream(copies.path() + "/old-1-1.so") << "x";
  std::ofstream(copies.path() + "/notes.txt") << "x";
  REQUIRE(copies.prepare().has_value());
  CHECK(!std::filesystem::exists(copies.path() + "/old-1-1.so"));
  CHECK(std::filesystem::exists(copies.path() + "/notes.txt"));
}
