// SPDX-License-Identifier: MIT
// Tests whether a folder is reported as writable, by its rights and its file system.
#include "node/environment/writable.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "temporary_folder.hpp"

namespace coppice::node {

TEST_CASE("a folder with rights and room can be written, and one that is not there if its parent can") {
  const test::temporary_folder folder;
  CHECK(why_unwritable(folder.file("")).empty());
  CHECK(why_unwritable(folder.file("a/b/c")).empty());
}

TEST_CASE("a folder cannot be written below a file, nor on a file system that takes nothing") {
  const test::temporary_folder folder;
  std::ofstream(folder.file("file")) << "text";
  CHECK(why_unwritable(folder.file("file/below")) == "Not a directory");
  CHECK_FALSE(why_unwritable("/proc/self").empty()); // its file system has no free block
}

TEST_CASE("a folder without the right to write is told by the kernel's words") {
  if (geteuid() == 0) {
    std::cout << "SKIP a folder without rights: root has all of them\n";
    return;
  }
  const test::temporary_folder folder;
  std::filesystem::create_directory(folder.file("closed"));
  std::filesystem::permissions(folder.file("closed"), std::filesystem::perms::owner_read);
  CHECK(why_unwritable(folder.file("closed")) == "Permission denied");
  std::filesystem::permissions(folder.file("closed"), std::filesystem::perms::owner_all);
}

} // namespace coppice::node
