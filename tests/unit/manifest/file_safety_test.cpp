// SPDX-License-Identifier: MIT
// Whose hands a plugin file may have been in.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

TEST_CASE("a file that only we can write to is safe, below a sticky folder too") {
  test::temporary_folder folder;
  CHECK(manifest::check_file_safety(folder.write("a.so", "x")));
}

TEST_CASE("a world- or group-writable file is refused by name") {
  test::temporary_folder folder;
  auto path = folder.write("a.so", "x");
  ::chmod(path.c_str(), 0666);
  auto result = manifest::check_file_safety(path);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == base::errc::refused);
  CHECK(result.error().text == path + " is writable by everyone");
  ::chmod(path.c_str(), 0664);
  CHECK(manifest::check_file_safety(path).error().text == path + " is writable by its group");
  auto verdict = manifest::inspect(path).verdict;
  CHECK(verdict.has(manifest::objection::unsafe_file));
}

TEST_CASE("a folder that others can write to makes the file unsafe, also behind a link") {
  test::temporary_folder folder;
  auto path = folder.write("open/a.so", "x");
  ::chmod((folder.path() + "/open").c_str(), 0777);
  CHECK(manifest::check_file_safety(path).error().text ==
        "the folder " + folder.path() + "/open is writable by everyone");
  auto link = folder.path() + "/link.so";
  REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  CHECK_FALSE(manifest::check_file_safety(link));
  ::chmod((folder.path() + "/open").c_str(), 01777);
  CHECK(manifest::check_file_safety(link));
}

TEST_CASE("a file of another user is refused" * doctest::skip(::geteuid() != 0)) {
  test::temporary_folder folder;
  auto path = folder.write("a.so", "x");
  REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
  CHECK(manifest::check_file_safety(path).error().text == path + " belongs to user 12345, not to root or us");
}

TEST_CASE("a missing file is not found") {
  CHECK_FALSE(manifest::check_file_safety("/nonexistent/a.so"));
}
