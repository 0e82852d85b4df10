// SPDX-License-Identifier: MIT
// The log's files: their contents after everything that can happen to a file. /dev/full stands for a full
// disk.
#include "base/log_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "temporary_folder.hpp"

namespace coppice::base::log {
namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

record line(const std::string& text, level of = level::info) {
  return {0, of, "m", text, {}};
}

std::string shown(const std::string& text) {
  return "1970-01-01T00:00:00.000000Z info    m: " + text + "\n";
}

void put(log_files& files, const std::string& text, level of = level::info) {
  files.put(line(text, of), format::text);
  files.flush();
}

} // namespace

TEST_CASE("lines are appended, those of its level, as text or as JSON, for the owner and its group") {
  const test::temporary_folder folder;
  const std::string path = folder.file("a.log");
  log_files files;
  files.use({{path}, {folder.file("errors.log"), level::error}});
  put(files, "one");
  put(files, "two", level::error);
  CHECK(content(path) == shown("one") + "1970-01-01T00:00:00.000000Z error   m: two\n");
  CHECK(content(folder.file("errors.log")) == "1970-01-01T00:00:00.000000Z error   m: two\n");
  files.put(line("three"), format::json);
  files.flush();
  CHECK(content(path).ends_with(R"("message":"three"})"
                                "\n"));
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0007) == 0);
  CHECK(files.take_news().empty());
  log_files again;
  again.use({{path}});
  put(again, "four");
  CHECK(content(path).ends_with(shown("four")));
  CHECK(content(path).starts_with(shown("one")));
}

TEST_CASE("a full file is renamed, and so many are kept") {
  const test::temporary_folder folder;
  const std::string path = folder.file("a.log");
  log_files files;
  files.use({{path, level::trace, 1000, 2}});
  for (int i = 0; i < 100; ++i) put(files, "line " + std::to_string(i));
  CHECK(content(path).ends_with(shown("line 99")));
  CHECK(content(path).size() <= 1000);
  std::size_t kept = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path())) ++kept;
  CHECK(kept == 3);
  CHECK(content(folder.file("a.1.log")).size() > 900);
  CHECK(content(folder.file("a.2.log")).size() > 900);
  CHECK(files.take_news().empty());
}

TEST_CASE("a file that was moved away or removed is made anew when it is looked at") {
  const test::temporary_folder folder;
  const std::string path = folder.file("a.log");
  log_files files;
  files.use({{path}});
  put(files, "one");
  const nanos due = *files.next_look();
  fs::rename(path, folder.file("old"));
  files.look(due - 1, false);
  CHECK_FALSE(fs::exists(path));
  files.look(due, false);
  put(files, "two");
  CHECK(content(path) == shown("two"));
  CHECK(content(folder.file("old")) == shown("one"));
  fs::remove(path);
  files.look(0, true);
  put(files, "three");
  CHECK(content(path) == shown("three"));
  CHECK(files.take_news().empty());
}

TEST_CASE("what cannot be written is said once, and once that it goes on and how much is missing") {
  const test::temporary_folder folder;
  const std::string path = folder.file("below/a.log");
  fs::create_directory(folder.file("below"));
  log_files files;
  files.use({{path}});
  put(files, "one");
  fs::remove_all(folder.file("below"));
  std::ofstream(folder.file("below")) << "a file where the folder was";
  files.look(0, true);
  for (int i = 0; i < 5; ++i) put(files, "lost");
  files.look(0, true);
  auto news = files.take_news();
  REQUIRE(news.size() == 1);
  CHECK(news[0].level == level::error);
  CHECK(news[0].text.find(path + " cannot be written: ") == 0);
  const auto unwritable = files.unwritable();
  REQUIRE(unwritable.size() == 1);
  CHECK(unwritable[0].path == path);
  CHECK_FALSE(unwritable[0].why.empty());
  fs::remove(folder.file("below"));
  fs::create_directory(folder.file("below"));
  CHECK(files.take_news().empty());
  files.look(0, true);
  put(files, "two");
  news = files.take_news();
  REQUIRE(news.size() == 1);
  CHECK(news[0].text == path + " is written again; 5 lines are missing in it");
  CHECK(files.unwritable().empty());
  CHECK(content(path) == shown("two"));
}

TEST_CASE("what is no file is not written to, and does not hold the writer up") {
  const test::temporary_folder folder;
  const std::string pipe = folder.file("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  log_files files;
  files.use({{pipe}, {"/dev/full"}, {folder.path()}});
  put(files, "one");
  const auto news = files.take_news();
  REQUIRE(news.size() == 3);
  CHECK(news[0].text.find("pipe cannot be written: it is no regular file") != std::string::npos);
  CHECK(news[1].text.find("/dev/full cannot be written: it is no regular file") == 0);
}

TEST_CASE("half a line at a file's end is ended before the next one") {
  const test::temporary_folder folder;
  const std::string path = folder.write("a.log", "half a li");
  log_files files;
  files.use({{path}});
  put(files, "one");
  CHECK(content(path) == "half a li\n" + shown("one"));
}

TEST_CASE("of changed files those that stay are left open") {
  const test::temporary_folder folder;
  const std::string a = folder.file("a"), b = folder.file("b");
  log_files files;
  files.use({{a}, {b}});
  put(files, "one");
  fs::rename(a, folder.file("moved"));
  files.use({{a}});
  put(files, "two");
  CHECK(content(folder.file("moved")) == shown("one") + shown("two"));
  CHECK(content(b) == shown("one"));
  files.use({});
  CHECK_FALSE(files.next_look());
}

} // namespace coppice::base::log
