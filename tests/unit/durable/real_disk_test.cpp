// SPDX-License-Identifier: MIT
// The log on the machine's file system: modes of files, the lock between processes' descriptors, and a life
// after another.
#include <doctest/doctest.h>
#include <sys/stat.h>

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
