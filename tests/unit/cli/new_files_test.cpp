// SPDX-License-Identifier: MIT
// Tests of a generator's files: a folder appears whole or not at all, and no existing file is lost by
// mistake.
#include "cli/new_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "temporary_folder.hpp"

using namespace coppice;
using namespace coppice::cli;
using test::temporary_folder;

namespace {

const new_files two = {{"a.txt", "one\n"}, {"sub/b.txt", "two\n"}};

std::vector<file_action> actions(const std::string& folder, const new_files& files) {
  std::vector<file_action> all;
  const auto planned = plan_files(folder, files);
  REQUIRE(planned);
  for (const planned_file& one : *planned) all.push_back(one.action);
  return all;
}
base::status make(const std::string& folder, const new_files& files) {
  return write_files(folder, files, plan_files(folder, files).value());
}
std::ptrdiff_t entries(const std::string& folder) {
  const std::filesystem::directory_iterator all(folder);
  return std::distance(begin(all), end(all));
}

} // namespace

TEST_CASE("a folder that is not there is made with those above it, and nothing is left beside it") {
  const temporary_folder in;
  const std::string folder = in.file("x/y/project");
  REQUIRE(make(folder + "/", two));
  CHECK(test::read_file(folder + "/a.txt") == "one\n");
  CHECK(test::read_file(folder + "/sub/b.txt") == "two\n");
  CHECK(entries(in.file("x/y")) == 1);
}

TEST_CASE("made again, nothing changes; what differs is told") {
  const temporary_folder in;
  REQUIRE(make(in.file("p"), two));
  CHECK(actions(in.file("p"), two) == std::vector{file_action::keep, file_action::keep});
  in.write("p/a.txt", "mine\n");
  std::filesystem::remove(in.file("p/sub/b.txt"));
  CHECK(actions(in.file("p"), two) == std::vector{file_action::replace, file_action::make});
  in.write("p/a.txt", "one\nand more, so that it is longer\n");
  CHECK(actions(in.file("p"), two)[0] == file_action::replace);
  REQUIRE(make(in.file("p"), two));
  CHECK(test::read_file(in.file("p/a.txt")) == "one\n");
  CHECK(test::read_file(in.file("p/sub/b.txt")) == "two\n");
}

TEST_CASE("a link is never written through, and a place that is something else is an error") {
  const temporary_folder in;
  REQUIRE(make(in.file("p"), two));
  in.write("outside", "one\n");
  std::filesystem::remove(in.file("p/a.txt"));
  std::filesystem::create_symlink(in.file("outside"), in.file("p/a.txt"));
  CHECK(actions(in.file("p"), two)[0] == file_action::replace);

  in.write("file", "");
  CHECK(plan_files(in.file("file"), two).error().code == base::errc::exists);
  std::filesystem::create_symlink(in.file("nowhere"), in.file("link"));
  CHECK(plan_files(in.file("link"), two).error().text.ends_with("is a link to nothing"));
  std::filesystem::create_directory(in.file("q"));
  std::filesystem::create_directory(in.file("q/a.txt"));
  CHECK(plan_files(in.file("q"), two).error().text.ends_with("a.txt is a folder"));
}

TEST_CASE("a file that cannot be written leaves no folder, and is named as it was to be") {
  const temporary_folder in;
  const std::string long_name(300, 'x');
  const new_files files = {{"a.txt", "one\n"}, {long_name, ""}};
  const auto done = write_files(in.file("p"), files, {});
  REQUIRE(!done);
  CHECK(done.error().text == "write " + in.file("p") + "/" + long_name + ": File name too long");
  CHECK(entries(in.path()) == 0);
}

TEST_CASE("where a file cannot be written a folder that is there stays as it was") {
  const temporary_folder in;
  const std::string folder = in.file("p");
  in.write("p/a.txt", "mine\n");
  const new_files files = {{"a.txt", "one\n"}, {"new/below/b.txt", "two\n"}, {"sub/c.txt", "three\n"}};
  const std::vector<planned_file> planned{{"a.txt", file_action::replace},
                                          {"new/below/b.txt", file_action::make},
                                          {"sub/c.txt", file_action::make}};
  in.write("p/sub", "a file, where a folder would have to be\n");
  CHECK_FALSE(write_files(folder, files, planned));
  CHECK(test::read_file(folder + "/a.txt") == "mine\n");
  CHECK(entries(folder) == 2);

  // A file that cannot even be written beside the others.
  const std::string long_name(300, 'x');
  const auto done = write_files(folder, {{"a.txt", "one\n"}, {long_name, ""}},
                                {{"a.txt", file_action::replace}, {long_name, file_action::make}});
  REQUIRE(!done);
  CHECK(done.error().text == "write " + folder + "/" + long_name + ": File name too long");
  CHECK(test::read_file(folder + "/a.txt") == "mine\n");
  CHECK(entries(folder) == 2);

  std::filesystem::remove(folder + "/sub");
  REQUIRE(write_files(folder, files, planned));
  CHECK(test::read_file(folder + "/a.txt") == "one\n");
  CHECK(test::read_file(folder + "/new/below/b.txt") == "two\n");
  CHECK(entries(folder) == 3);
}
