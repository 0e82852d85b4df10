// SPDX-License-Identifier: MIT
// Tests whether a plugin file counts as safe: no other user could have written or replaced it.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "manifest/manifest.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

namespace {

base::status safety(const std::string& path) {
  const auto file = manifest::source_file::open(path);
  return file ? file->safe() : unexpected(file.error());
}

std::string content(const manifest::source_file& file) {
  std::string text(64, '\0');
  const ssize_t size = ::pread(file.descriptor(), text.data(), text.size(), 0);
  REQUIRE(size >= 0);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

void link_to(const std::string& target, const std::string& at) {
  REQUIRE(::symlink(target.c_str(), at.c_str()) == 0);
}

} // namespace

TEST_CASE("a file that only we can write to is safe, below a sticky folder too") {
  test::temporary_folder folder;
  CHECK(safety(folder.write("a.so", "x")));
}

TEST_CASE("a world- or group-writable file is refused by name") {
  test::temporary_folder folder;
  auto path = folder.write("a.so", "x");
  ::chmod(path.c_str(), 0666);
  auto result = safety(path);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == base::errc::refused);
  CHECK(result.error().text == path + " is writable by everyone");
  ::chmod(path.c_str(), 0664);
  CHECK(safety(path).error().text == path + " is writable by its group");
  auto verdict = manifest::inspect(path).verdict;
  CHECK(verdict.has(manifest::objection::unsafe_file));
  CHECK_FALSE(verdict.has(manifest::objection::not_elf)); // it is not even looked into
  CHECK(manifest::inspect(path, {.file_safety = false}).verdict.has(manifest::objection::not_elf));
}

TEST_CASE("a folder that others can write to makes the file unsafe, also behind a link") {
  test::temporary_folder folder;
  auto path = folder.write("open/a.so", "x");
  ::chmod((folder.path() + "/open").c_str(), 0777);
  CHECK(safety(path).error().text == "the folder " + folder.path() + "/open is writable by everyone");
  auto link = folder.path() + "/link.so";
  REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  CHECK_FALSE(safety(link));
  ::chmod((folder.path() + "/open").c_str(), 01777);
  CHECK(safety(link));
}

TEST_CASE("a file of another user is refused" * doctest::skip(::geteuid() != 0)) {
  test::temporary_folder folder;
  auto path = folder.write("a.so", "x");
  REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
  CHECK(safety(path).error().text == path + " belongs to user 12345, not to root or us");
}

TEST_CASE("a link of another user is refused, since only its owner can turn it in a sticky folder" *
          doctest::skip(::geteuid() != 0)) {
  test::temporary_folder folder;
  const auto link = folder.path() + "/link.so";
  link_to(folder.write("a.so", "x"), link);
  CHECK(safety(link));
  REQUIRE(::lchown(link.c_str(), 12345, 12345) == 0);
  CHECK(safety(link).error().text == "the link " + link + " belongs to user 12345, not to root or us");
}

TEST_CASE("the folders of the path that was given count, and not only those of the file itself") {
  test::temporary_folder folder;
  folder.write("safe/a.so", "x");
  folder.write("open/b.so", "x");
  const std::string open = folder.path() + "/open";
  link_to("../safe", open + "/inner");
  CHECK(safety(open + "/inner/a.so"));
  ::chmod(open.c_str(), 0777);
  const std::string told = "the folder " + open + " is writable by everyone";
  CHECK(safety(open + "/inner/a.so").error().text == told);
  link_to("open/inner/a.so", folder.path() + "/far.so");
  CHECK(safety(folder.path() + "/far.so").error().text == told);
  CHECK(safety(open + "/../safe/a.so").error().text == told);
  CHECK(safety(folder.path() + "/safe/./a.so"));
}

TEST_CASE("what was opened stays what is read when its name is turned to another file") {
  test::temporary_folder folder;
  const auto link = folder.path() + "/link.so";
  link_to(folder.write("a.so", "judged"), link);
  const auto file = manifest::source_file::open(link);
  REQUIRE(file);
  const auto other = folder.write("b.so", "turned");
  REQUIRE(::unlink(link.c_str()) == 0);
  link_to(other, link);
  CHECK(content(*file) == "judged");
  CHECK(manifest::inspect(file).verdict.text().find("not an ELF file") != std::string::npos);
}

TEST_CASE("what cannot be read is told in the system's words") {
  test::temporary_folder folder;
  const auto why = [](const std::string& path) { return manifest::source_file::open(path).error().text; };
  CHECK(why("/nonexistent/a.so") == "cannot be read: No such file or directory");
  CHECK(why("") == "cannot be read: No such file or directory");
  CHECK(why(folder.path()) == "cannot be read: not a regular file");
  CHECK(why("/") == "cannot be read: not a regular file");
  CHECK(why("/dev/null") == "cannot be read: not a regular file");
  CHECK(why(folder.write("a.so", "x") + "/b.so") == "cannot be read: Not a directory");
  link_to("round", folder.path() + "/round");
  CHECK(why(folder.path() + "/round") == "cannot be read: Too many levels of symbolic links");
  const auto fifo = folder.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(why(fifo) == "cannot be read: not a regular file");
}
