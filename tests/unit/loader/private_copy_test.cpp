// SPDX-License-Identifier: MIT
// Tests of the folder of private copies: its owner, which files are removed from it, and its files' names.
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

TEST_CASE("an equal copy that an earlier run left is taken, and one of other bytes is not") {
  workshop shop;
  const auto file = shop.put("fixture_good");
  const auto opened = base::open_file(file.string(), O_RDONLY);
  REQUIRE(opened);
  const auto inode = [](const std::string& path) {
    struct stat info {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    return info.st_ino;
  };
  std::string third;
  {
    loader::copy_folder copies(shop.data().string());
    REQUIRE(copies.prepare().has_value());
    third = *copies.copy(opened->get(), "fixture", "ab12", 3);
  }
  const auto before = inode(third);
  std::ofstream(third.substr(0, third.size() - 4) + "1.so") << "half a cop"; // the disk was full, or a crash
  loader::copy_folder copies(shop.data().string());
  REQUIRE(copies.prepare().has_value());
  const auto first = copies.copy(opened->get(), "fixture", "ab12", 1);
  REQUIRE(first.has_value());
  CHECK(*first == copies.path() + "/fixture-ab12-1.so");
  CHECK(inode(*first) == before);
  copies.sweep();
  CHECK(std::filesystem::file_size(*first) == std::filesystem::file_size(file));
  CHECK(!std::filesystem::exists(third));
}

TEST_CASE("sweeping removes what an earlier run left and nobody took") {
  workshop shop;
  loader::copy_folder copies(shop.data().string());
  REQUIRE(copies.prepare().has_value());
  std::ofstream(copies.path() + "/old-1-1.so") << "x";
  std::ofstream(copies.path() + "/notes.txt") << "x";
  REQUIRE(copies.prepare().has_value());
  CHECK(std::filesystem::exists(copies.path() + "/old-1-1.so"));
  copies.sweep();
  CHECK(!std::filesystem::exists(copies.path() + "/old-1-1.so"));
  CHECK(std::filesystem::exists(copies.path() + "/notes.txt"));
}
