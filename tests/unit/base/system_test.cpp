// SPDX-License-Identifier: MIT
// Files, socket addresses and the texts of errors.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/descriptors.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/open_files.hpp"
#include "base/sanitizer.hpp"
#include "base/socket_address.hpp"
#include "base/thread.hpp"
#include "temporary_folder.hpp"

namespace coppice::base {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

} // namespace

TEST_CASE("an error of the system names what was tried and why it failed") {
  const auto failed = fail_errno("open /x", ENOENT).error();
  CHECK(failed.code == errc::not_found);
  CHECK(failed.text == "open /x: No such file or directory");
  CHECK(fail_uv("connect", UV_ECONNREFUSED).error().code == errc::refused);
  CHECK(fail_uv("read", UV_EOF).error().code == errc::closed);
  CHECK(fail_uv("look up", UV_EAI_NONAME).error().code == errc::system);
  CHECK(error{errc::limit, "full"}.context("mailbox").text == "mailbox: full");
}

TEST_CASE("a thread that cannot be started is an error") {
  auto made = start_thread([] {});
  REQUIRE(made);
  made->join();
  if (sanitized) return; // a sanitizer ends a process without memory for a thread
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Memory for threads is limited. The stacks of ended threads are used again first.
    const rlimit none{1, 1};
    if (::setrlimit(RLIMIT_AS, &none) != 0) _exit(1);
    for (int i = 0; i < 100; ++i) {
      auto one = start_thread([] { ::pause(); });
      if (!one) _exit(one.error().code == errc::limit ? 0 : 1);
      one->detach();
    }
    _exit(1);
  }
  int ended = 0;
  REQUIRE(::waitpid(child, &ended, 0) == child);
  CHECK(ended == 0);
}

TEST_CASE("a file is read whole, whatever its size") {
  const test::temporary_folder folder;
  const std::string path = folder.file("f");
  for (const std::size_t size : {0u, 1u, 4096u, 8192u, 100'000u}) {
    const std::string contents(size, 'x');
    REQUIRE(write_file_atomic(path, contents, 0600));
    CHECK(read_file(path, 100'000).value() == contents);
  }
}

TEST_CASE("a file over the bound is refused, and one that is not there named") {
  const test::temporary_folder folder;
  REQUIRE(write_file_atomic(folder.file("f"), "12345", 0600));
  CHECK(read_file(folder.file("f"), 5));
  CHECK(read_file(folder.file("f"), 4).error().code == errc::limit);
  CHECK(read_regular_file(folder.file("f"), 5));
  CHECK(read_regular_file(folder.file("f"), 4).error().code == errc::limit);
  REQUIRE(mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  // A pipe that no process writes to.
  CHECK(read_regular_file(folder.file("pipe"), 5).error().code == errc::invalid);
  const auto missing = read_file(folder.file("absent"), 10);
  CHECK(missing.error().code == errc::not_found);
  CHECK(missing.error().text.find("absent") != std::string::npos);
}

TEST_CASE("an atomic write sets the mode exactly and leaves no temporary file") {
  const test::temporary_folder folder;
  const mode_t old = umask(0077);
  REQUIRE(write_file_atomic(folder.file("f"), "1", 0644));
  CHECK(mode_of(folder.file("f")) == 0644);
  REQUIRE(write_file_atomic(folder.file("f"), "2", 0600));
  umask(old);
  CHECK(mode_of(folder.file("f")) == 0600);
  CHECK_FALSE(write_file_atomic(folder.file("no/such/folder"), "3", 0600));
  const std::filesystem::directory_iterator files(std::filesystem::path(folder.file("f")).parent_path());
  CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("a new file is made whole, and never in the place of one that is there") {
  const test::temporary_folder folder;
  REQUIRE(write_new_file_atomic(folder.file("f"), "first", 0640));
  CHECK(mode_of(folder.file("f")) == 0640);
  CHECK(write_new_file_atomic(folder.file("f"), "second", 0600).error().code == errc::exists);
  CHECK(read_file(folder.file("f"), 10).value() == "first");
  CHECK(mode_of(folder.file("f")) == 0640);
  const std::filesystem::directory_iterator files(std::filesystem::path(folder.file("f")).parent_path());
  CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("folders are made with those above them, and existing ones are fine") {
  const test::temporary_folder folder;
  REQUIRE(make_folders(folder.file("a/b/c"), 0700));
  CHECK(make_folders(folder.file("a/b/c"), 0700));
  CHECK(mode_of(folder.file("a/b")) == 0700);
  REQUIRE(write_file_atomic(folder.file("a/file"), "", 0600));
  CHECK_FALSE(make_folders(folder.file("a/file"), 0700));
}

TEST_CASE("a unique descriptor closes once and moves") {
  unique_fd first = open_file("/dev/null", O_RDONLY).value();
  const int number = first.get();
  unique_fd second = std::move(first);
  CHECK_FALSE(first);
  CHECK(second.get() == number);
  CHECK((fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
  second.reset();
  CHECK(fcntl(number, F_GETFD) == -1);
}

TEST_CASE("addresses are read and printed alike") {
  for (const char* text : {"127.0.0.1:4369", "0.0.0.0:0", "[::1]:4369", "[2001:db8::1]:65535"}) {
    const auto address = socket_address::parse(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
    CHECK(*socket_address::parse(address->host(), address->port()) == *address);
  }
  CHECK(socket_address::parse("[::1]", 1)->host() == "::1");
}

TEST_CASE("what is no address is refused") {
  for (const char* text : {"", "127.0.0.1", "localhost:1", "127.0.0.1:65536", "127.0.0.1:", "::1:80",
                           "[127.0.0.1]:1", "1.2.3:4", "127.0.0.1:+1", "127.0.0.1: 1"}) {
    CAPTURE(text);
    CHECK(socket_address::parse(text).error().code == errc::invalid);
  }
}

TEST_CASE("loopback is known in every form it has") {
  for (const char* host : {"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"}) {
    CAPTURE(host);
    CHECK(socket_address::parse(host, 1)->is_loopback());
  }
  for (const char* host : {"128.0.0.1", "0.0.0.0", "::", "::ffff:10.0.0.1"}) {
    CAPTURE(host);
    CHECK_FALSE(socket_address::parse(host, 1)->is_loopback());
  }
  CHECK(socket_address::parse("::", 1)->is_any());
  CHECK(socket_address().is_any());
}

TEST_CASE("the limit of descriptors is raised to the most there may be, and its last ones are known") {
  rlimit usual{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  rlimit few = usual;
  few.rlim_cur = 100;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  CHECK(descriptor_limit() == 100);
  CHECK(is_last_descriptor(99));
  CHECK(is_last_descriptor(75));
  CHECK_FALSE(is_last_descriptor(74));
  few.rlim_cur = 1000;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  CHECK(is_last_descriptor(936));
  CHECK_FALSE(is_last_descriptor(935));
  CHECK(raise_descriptor_limit() == usual.rlim_max);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &usual) == 0);
}

} // namespace coppice::base
