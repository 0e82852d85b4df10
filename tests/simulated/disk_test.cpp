// SPDX-License-Identifier: MIT
// Tests the simulated disk alone: libc's functions on a host's folder, and what a loss of power leaves of
// it. Each promise is tried with many draws of one seed. The machine begins once, before the first test.
#define DOCTEST_CONFIG_IMPLEMENT
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "machine/disk.hpp"
#include "machine/files.hpp"
#include "machine/machine.hpp"

using namespace coppice::simulated;

namespace {

constexpr int tries = 200;

// A fresh disk of host 1.
class tried_disk {
 public:
  tried_disk() {
    disk_of(1) = {};
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    mount_disk(1, folder_);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void sync_folder(const std::string& name = "") const {
    const int fd = open(path(name).c_str(), O_RDONLY | O_DIRECTORY);
    REQUIRE(fd >= 0);
    CHECK(fsync(fd) == 0);
    close(fd);
  }
  // Makes a new file with these contents, and syncs the file and its name.
  void keep(const std::string& name, const std::string& contents) const {
    const int fd = open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(write(fd, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()));
    CHECK(fsync(fd) == 0);
    close(fd);
    sync_folder();
  }
  bool has(const std::string& name) const { return access(path(name).c_str(), F_OK) == 0; }
  std::string contents(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void lose() const {
    close_files_of(1);
    lose_unsynced(1);
  }

 private:
  on_host here_{1};
  std::string folder_ = "disk";
};

std::string of_letters(char letter, std::size_t count) {
  return std::string(count, letter);
}

} // namespace

TEST_CASE("what was synced, with its name, is there after a crash") {
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "something");
    disk.lose();
    CHECK(disk.contents("file") == "something");
  }
}

TEST_CASE("a write that was not synced is there whole, in some of its sectors, or not") {
  std::set<std::string> seen;
  for (int i = 0; i < 10 * tries; ++i) {
    const tried_disk disk;
    disk.keep("file", of_letters('a', 3 * sector));
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    const std::string news = of_letters('b', 3 * sector);
    REQUIRE(pwrite(fd, news.data(), news.size(), 0) == static_cast<ssize_t>(news.size()));
    CHECK(disk.contents("file") == news); // a reader sees the write before it is synced
    disk.lose();
    const std::string left = disk.contents("file");
    REQUIRE(left.size() == news.size());
    std::string pattern;
    for (std::size_t at = 0; at < left.size(); at += sector) {
      const std::string one = left.substr(at, sector);
      CHECK((one == of_letters('a', sector) || one == of_letters('b', sector)));
      pattern += one.front();
    }
    seen.insert(pattern);
  }
  CHECK(seen.size() == 8); // each of the three sectors is there or not by itself
}

TEST_CASE("a later write may be on the disk without an earlier one") {
  std::set<std::string> seen;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "..");
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    CHECK(pwrite(fd, "1", 1, 0) == 1);
    CHECK(pwrite(fd, "2", 1, 1) == 1);
    disk.lose();
    seen.insert(disk.contents("file"));
  }
  CHECK(seen == std::set<std::string>{"..", "1.", ".2", "12"});
}

TEST_CASE("a cut may be lost, and then what was cut off is there again") {
  std::set<std::string> seen;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "0123456789");
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    CHECK(ftruncate(fd, 4) == 0);
    CHECK(disk.contents("file") == "0123");
    if (i % 2 == 0) CHECK(fdatasync(fd) == 0);
    disk.lose();
    if (i % 2 == 0)
      CHECK(disk.contents("file") == "0123");
    else
      seen.insert(disk.contents("file"));
  }
  CHECK(seen == std::set<std::string>{"0123", "0123456789"});
}

TEST_CASE("room that is reserved reads as zeros, and its size is there after a sync") {
  std::set<std::size_t> seen;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "ab");
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    CHECK(fallocate(fd, 0, 0, 8) == 0);
    CHECK(disk.contents("file") == std::string("ab\0\0\0\0\0\0", 8));
    CHECK(fallocate(fd, 0, 0, 4) == 0); // the file is longer already
    if (i % 2 == 0) CHECK(fdatasync(fd) == 0);
    disk.lose();
    CHECK(disk.contents("file").starts_with("ab"));
    if (i % 2 == 0)
      CHECK(disk.contents("file").size() == 8);
    else
      seen.insert(disk.contents("file").size());
  }
  CHECK(seen.contains(2));
  CHECK(seen.contains(8));
  CHECK(seen.size() > 2);
}

TEST_CASE("a new file's name is there only once its folder was synced, whatever was synced of the file") {
  bool was_lost = false;
  bool was_there = false;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    const int fd = open(disk.path("file").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(write(fd, "x", 1) == 1);
    CHECK(fsync(fd) == 0);
    disk.lose();
    was_lost = was_lost || !disk.has("file");
    was_there = was_there || disk.has("file");
    if (disk.has("file")) CHECK(disk.contents("file") == "x");
  }
  CHECK(was_lost);
  CHECK(was_there);
}

TEST_CASE("a folder's name is that of the folder above, and what is in a lost folder is lost") {
  bool was_lost = false;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    CHECK(mkdir(disk.path("inside").c_str(), 0700) == 0);
    const int fd = open(disk.path("inside/file").c_str(), O_WRONLY | O_CREAT, 0600);
    CHECK(fsync(fd) == 0);
    disk.sync_folder("inside");
    const bool above = i % 2 == 0;
    if (above) disk.sync_folder();
    disk.lose();
    if (above || disk.has("inside")) CHECK(disk.has("inside/file"));
    was_lost = was_lost || !disk.has("inside");
  }
  CHECK(was_lost);
}

TEST_CASE("a rename over a file leaves the old contents or the new ones, never neither") {
  std::set<std::string> seen;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "old");
    disk.keep("fresh", "new");
    CHECK(std::rename(disk.path("fresh").c_str(), disk.path("file").c_str()) == 0);
    CHECK(disk.contents("file") == "new");
    CHECK_FALSE(disk.has("fresh"));
    if (i % 2 == 0) disk.sync_folder();
    disk.lose();
    CHECK(disk.has("fresh") == (disk.contents("file") == "old"));
    if (i % 2 == 0)
      CHECK(disk.contents("file") == "new");
    else
      seen.insert(disk.contents("file"));
  }
  CHECK(seen == std::set<std::string>{"old", "new"});
}

TEST_CASE("a rename of a file that was not synced may leave it without its contents") {
  bool was_empty = false;
  for (int i = 0; i < tries && !was_empty; ++i) {
    const tried_disk disk;
    disk.keep("file", "old");
    const int fd = open(disk.path("fresh").c_str(), O_WRONLY | O_CREAT, 0600);
    CHECK(write(fd, "new", 3) == 3);
    CHECK(std::rename(disk.path("fresh").c_str(), disk.path("file").c_str()) == 0);
    disk.sync_folder();
    disk.lose();
    was_empty = disk.contents("file").empty();
  }
  CHECK(was_empty);
}

TEST_CASE("a removed file may be there again, with what was synced of it") {
  bool was_there = false;
  bool was_gone = false;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "something");
    CHECK(unlink(disk.path("file").c_str()) == 0);
    CHECK_FALSE(disk.has("file"));
    disk.lose();
    (disk.has("file") ? was_there : was_gone) = true;
    if (disk.has("file")) CHECK(disk.contents("file") == "something");
  }
  CHECK(was_there);
  CHECK(was_gone);
}

TEST_CASE("changes of names reach the disk in their order") {
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    for (const char* name : {"1", "2", "3"}) close(open(disk.path(name).c_str(), O_WRONLY | O_CREAT, 0600));
    disk.lose();
    CHECK(disk.has("1") >= disk.has("2"));
    CHECK(disk.has("2") >= disk.has("3"));
  }
}

TEST_CASE("a second name is one of the same file") {
  const tried_disk disk;
  disk.keep("file", "old");
  CHECK(link(disk.path("file").c_str(), disk.path("other").c_str()) == 0);
  CHECK(link(disk.path("file").c_str(), disk.path("other").c_str()) == -1);
  CHECK(errno == EEXIST);
  disk.sync_folder();
  disk.lose();
  const int fd = open(disk.path("other").c_str(), O_WRONLY);
  CHECK(write(fd, "new", 3) == 3);
  CHECK(disk.contents("file") == "new");
}

TEST_CASE("a sync that fails leaves unknown what is on the disk, and no later sync writes it") {
  std::set<std::string> seen;
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "..");
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    CHECK(pwrite(fd, "1", 1, 0) == 1);
    disk_of(1).syncs_to_fail = 1;
    CHECK(fdatasync(fd) == -1);
    CHECK(errno == EIO);
    CHECK(disk.contents("file") == "1."); // the bytes can be read
    CHECK(pwrite(fd, "2", 1, 1) == 1);
    CHECK(fdatasync(fd) == 0);
    disk.lose();
    seen.insert(disk.contents("file"));
  }
  CHECK(seen == std::set<std::string>{".2", "12"});
}

TEST_CASE("what is written again after a failed sync is there once it is synced") {
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "..");
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    CHECK(pwrite(fd, "1", 1, 0) == 1);
    disk_of(1).syncs_to_fail = 1;
    CHECK(fdatasync(fd) == -1);
    CHECK(pwrite(fd, "1", 1, 0) == 1);
    CHECK(fdatasync(fd) == 0);
    disk.lose();
    CHECK(disk.contents("file") == "1.");
  }
}

TEST_CASE("on a full disk no file becomes longer, and what it has can be written over") {
  for (int i = 0; i < tries; ++i) {
    const tried_disk disk;
    disk.keep("file", "0123");
    disk_of(1).full = true;
    const int fd = open(disk.path("file").c_str(), O_WRONLY);
    CHECK(pwrite(fd, "ab", 2, 1) == 2);
    CHECK(fallocate(fd, 0, 0, 100) == -1);
    CHECK(errno == ENOSPC);
    const std::string grown = disk.contents("file");
    CHECK(grown.starts_with("0ab3"));
    CHECK(grown.size() < 100);
    ssize_t done = 1;
    for (int more = 0; more < 100 && done > 0; ++more) done = pwrite(fd, "zz", 2, 200 + 2 * more);
    CHECK(done == -1);
    CHECK(errno == ENOSPC);
    heal_disk(1);
    CHECK(fallocate(fd, 0, 0, 1000) == 0);
    CHECK(fdatasync(fd) == 0);
    disk.lose();
    CHECK(disk.contents("file").starts_with("0ab3"));
    CHECK(disk.contents("file").size() == 1000);
  }
}

TEST_CASE("a sync takes time, and longer on a slow disk") {
  const tried_disk disk;
  disk.keep("file", "x");
  const int fd = open(disk.path("file").c_str(), O_WRONLY);
  nanos begun = now();
  CHECK(fdatasync(fd) == 0);
  CHECK(now() - begun >= 20 * microsecond);
  disk_of(1).slow = second;
  begun = now();
  CHECK(fsync(fd) == 0);
  CHECK(now() - begun >= second);
}

TEST_CASE("appended writes go to the end, and streams and copies of descriptors are seen") {
  const tried_disk disk;
  disk.keep("file", "a");
  const int fd = open(disk.path("file").c_str(), O_WRONLY | O_APPEND);
  CHECK(write(fd, "b", 1) == 1);
  const int copy = dup(fd);
  CHECK(write(copy, "c", 1) == 1);
  CHECK(fsync(copy) == 0);
  std::ofstream(disk.path("stream")) << "by a stream";
  disk.lose(); // ends the run if the disk's own records differ from the files
  CHECK(disk.contents("file") == "abc");
}

TEST_CASE("after a loss of power the disk is another life's: what an old descriptor writes is nowhere") {
  const tried_disk disk;
  disk.keep("file", "old");
  const entry_ptr before = find_place(disk.path("file").c_str()).entry();
  lose_unsynced(1);
  note_write(*before, 0, "new");
  lose_unsynced(1);
  CHECK(disk.contents("file") == "old");
  CHECK_FALSE(has_unsynced(1));
}

int main(int argc, char** argv) {
  std::array<char, 40> folder{"/tmp/coppice-simulated-disk-XXXXXX"};
  if (mkdtemp(folder.data()) == nullptr || chdir(folder.data()) != 0) return 1;
  settings chosen;
  chosen.seed = 1;
  begin(chosen);
  const int failed = doctest::Context(argc, argv).run();
  std::filesystem::remove_all(folder.data());
  std::fflush(nullptr);
  _exit(failed);
}
