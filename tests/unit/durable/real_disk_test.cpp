// SPDX-License-Identifier: MIT
// The log on the machine's file system: file modes, the lock between descriptors of processes, and reopening.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "durable/engine.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using namespace coppice::durable;

TEST_CASE("on a real disk the log is kept, private and locked") {
  const test::temporary_folder folder;
  const std::string path = folder.file("a/log");
  identity id{};
  for (std::uint64_t life = 1; life <= 3; ++life) {
    auto log = engine::open(real_disk(), path, {.segment_bytes = 4096});
    REQUIRE_MESSAGE(log.has_value(), log.error().text);
    const auto second = engine::open(real_disk(), path, {});
    REQUIRE(!second);
    CHECK(second.error().code == base::errc::refused);
    const group_id a = *(*log)->group("a");
    if (life > 1) CHECK((*log)->report().id == id);
    id = (*log)->report().id;
    for (std::uint64_t i = 1; i <= 40; ++i) {
      const request one{a, {append{{(life - 1) * 40 + i, life, std::string(100, 'x')}}}};
      CHECK((*log)->write({&one, 1})[0]);
    }
    CHECK((*log)->report(a)->last == life * 40);
    CHECK((*log)->read(a, 1, ~std::size_t{0})->size() == life * 40);
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      struct stat info {};
      REQUIRE(stat(file.path().c_str(), &info) == 0);
      CHECK((info.st_mode & 0777) == 0600);
    }
  }
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("a file that may not grow refuses entries as a full disk does, and takes them once it may") {
  const test::temporary_folder folder;
  auto opened = engine::open(real_disk(), folder.file("log"), {.segment_bytes = 1U << 16});
  REQUIRE(opened.has_value());
  engine& log = **opened;
  const group_id a = *log.group("a");
  const auto append_next = [&] {
    const request one{a, {append{{log.report(a)->last + 1, 1, std::string(1000, 'x')}}}};
    return log.write({&one, 1})[0];
  };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit little = before;
  little.rlim_cur = 20'000;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &little) == 0);
  base::status how;
  for (int i = 0; i < 30 && how; ++i) how = append_next();
  const bool is_full = log.report().is_full;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  REQUIRE(!how);
  CHECK(how.error().code == base::errc::limit);
  CHECK(is_full);
  CHECK(log.report(a)->last < 20);
  CHECK(append_next());
  CHECK(!log.report().is_full);
  const std::uint64_t last = log.report(a)->last;
  opened->reset();
  opened = engine::open(real_disk(), folder.file("log"), {.segment_bytes = 1U << 16});
  REQUIRE(opened.has_value());
  CHECK((*opened)->report(a)->last == last);
  CHECK((*opened)->damages().empty());
}

TEST_CASE("room that is reserved in a file reads as zeros, and writing there changes no size") {
  const test::temporary_folder folder;
  const auto opened = real_disk().open(folder.file("room"), access::create);
  REQUIRE(opened.has_value());
  file& to = **opened;
  REQUIRE(to.write(0, base::as_bytes("ab")));
  const auto reserved = to.reserve(8192);
  if (!reserved) { // not every file system can do it
    CHECK(reserved.error().code == base::errc::unsupported);
    CHECK(*to.size() == 2);
    return;
  }
  CHECK(*to.size() == 8192);
  std::vector<std::uint8_t> bytes(8192, 1);
  CHECK(*to.read(2, bytes) == 8190);
  CHECK(std::ranges::count(bytes, 0) == 8190);
  CHECK(to.write(5000, base::as_bytes("c")));
  CHECK(to.reserve(100));
  CHECK(to.sync());
  CHECK(*to.size() == 8192);
}

TEST_CASE("too many open files refuse what needs a new segment, end nothing, and are no full disk") {
  const test::temporary_folder folder;
  auto opened = engine::open(real_disk(), folder.file("log"), {.segment_bytes = 4096});
  REQUIRE(opened.has_value());
  engine& log = **opened;
  const group_id a = *log.group("a");
  const auto append_next = [&] {
    const std::uint64_t next = log.report(a)->last + 1;
    const request one{a, {append{{next, 1, std::string(500, 'x')}}, cut_before{next, 1}}};
    auto how = log.write({&one, 1})[0];
    log.tidy();
    return how;
  };
  // There are two segments. The first is removed once the newer ones have the live bytes.
  for (int i = 0; i < 8; ++i) REQUIRE(append_next());
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = dup(STDIN_FILENO);
  REQUIRE(next >= 0);
  close(next);
  rlimit little = before;
  little.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &little) == 0);
  base::status how;
  for (int i = 0; i < 30 && how; ++i) how = append_next();
  const base::status again = append_next();
  const log_report then = log.report();
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(!how);
  CHECK(how.error().text.find("Too many open files") != std::string::npos);
  CHECK(how.error().text.find("full") == std::string::npos);
  CHECK(!again);
  CHECK(!then.failure);
  CHECK(!then.is_full);
  CHECK(std::filesystem::exists(folder.file("log/reserve")));
  for (int i = 0; i < 30; ++i) CHECK(append_next());
  const std::uint64_t last = log.report(a)->last;
  opened->reset();
  opened = engine::open(real_disk(), folder.file("log"), {.segment_bytes = 4096});
  REQUIRE(opened.has_value());
  CHECK((*opened)->report(a)->last == last);
}

TEST_CASE("once a request was refused for too many open files, the writer's next one is refused too") {
  const test::temporary_folder folder;
  auto opened = engine::open(real_disk(), folder.file("log"), {.segment_bytes = 4096});
  REQUIRE(opened.has_value());
  engine& log = **opened;
  const group_id a = *log.group("a");
  const auto write = [&](change what, const std::shared_ptr<fence>& behind) {
    const request one{a, {std::move(what)}, behind};
    return log.write({&one, 1})[0];
  };
  const auto before = std::make_shared<fence>();
  REQUIRE(write(append{{1, 1, "x"}}, before));
  rlimit many{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &many) == 0);
  const int next = dup(STDIN_FILENO);
  REQUIRE(next >= 0);
  close(next);
  rlimit little = many;
  little.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &little) == 0);
  base::status how;
  int written = 0;
  while (written < 30 &&
         (how = write(set_value{"hard", std::string(500, static_cast<char>('a' + written))}, before)))
    ++written;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &many) == 0);
  REQUIRE(!how);
  CHECK(how.error().code == base::errc::refused);
  const base::status later = write(append{{2, 2, "y"}}, before);
  REQUIRE(!later);
  CHECK(later.error().code == base::errc::refused);
  CHECK(log.report(a)->last == 1);
  CHECK(log.value(a, "hard")->front() == 'a' + written - 1);
  CHECK(write(append{{2, 2, "y"}}, std::make_shared<fence>()));
}
