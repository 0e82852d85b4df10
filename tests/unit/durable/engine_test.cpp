// SPDX-License-Identifier: MIT
// What a group keeps over a restart, what is refused, and how the log ends when the disk fails.
#include "durable/engine.hpp"

#include <doctest/doctest.h>

#include "durable/small_log.hpp"

using namespace coppice;
using namespace coppice::test;
using namespace coppice::durable;

TEST_CASE("what was acknowledged is there after a restart, and after a crash") {
  for (const bool crash : {false, true}) {
    memory_disk disk;
    std::mt19937_64 random(1);
    auto log = open_log(disk);
    const group_id a = group_of(*log, "a");
    const group_id b = group_of(*log, "b");
    REQUIRE(write(*log, add(a, 1, "one")));
    REQUIRE(write(*log, {a, {set_value{"vote", "x"}, append{{2, 7, "two"}}}}));
    REQUIRE(write(*log, add(b, 1, "")));
    const identity id = log->report().id;
    drop(disk, log);
    if (crash) disk.crash(random);
    log = open_log(disk);
    CHECK(log->report().id == id);
    CHECK(group_of(*log, "a") == a);
    CHECK(group_of(*log, "b") == b);
    CHECK(entries_of(*log, a) == std::vector<std::string>{"1:1:one", "2:7:two"});
    CHECK(entries_of(*log, b) == std::vector<std::string>{"1:1:"});
    CHECK(log->value(a, "vote") == "x");
    CHECK(!log->value(b, "vote"));
    CHECK(log->values(a) == std::vector<std::pair<std::string, std::string>>{{"vote", "x"}});
    CHECK(log->values(b).empty());
    CHECK(log->term_at(a, 2) == 7);
    CHECK(log->groups().size() == 2);
  }
}

TEST_CASE("a log is cut at both ends, and goes on") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  for (std::uint64_t i = 1; i <= 5; ++i) REQUIRE(write(*log, add(a, i, "x")));
  REQUIRE(write(*log, {a, {cut_after{3}, append{{4, 2, "y"}}}}));
  REQUIRE(write(*log, {a, {cut_before{3, 9}}}));
  for (int i = 0; i < 2; ++i) {
    CHECK(entries_of(*log, a) == std::vector<std::string>{"3:1:x", "4:2:y"});
    CHECK(log->term_at(a, 2) == 9);
    CHECK(!log->term_at(a, 1));
    CHECK(!log->read(a, 2, 100));
    log.reset();
    log = open_log(disk);
  }
  REQUIRE(write(*log, {a, {cut_before{100, 3}}}));
  CHECK(log->report(a)->first == 100);
  CHECK(log->report(a)->last == 99);
  CHECK(write(*log, add(a, 100, "z")));
}

TEST_CASE(
    "entries that lie side by side are read at once, and each of them alone where the disk has lost a part") {
  memory_disk disk;
  auto log = open_log(disk, 1 << 20);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  std::vector<std::string> all;
  for (std::uint64_t i = 1; i <= 300; ++i) {
    REQUIRE(write(*log, add(a, i, "x")));
    all.push_back(std::to_string(i) + ":1:x");
  }
  disk.reads = 0;
  CHECK(entries_of(*log, a) == all);
  CHECK(disk.reads == 1);
  // An entry of another group lies between them.
  REQUIRE(write(*log, add(b, 1, "lost")));
  REQUIRE(write(*log, add(a, 301, "y")));
  all.push_back("301:1:y");
  CHECK(entries_of(*log, a) == all);
  const std::string bytes = disk.content(segment_path(1));
  disk.make_unreadable(segment_path(1), bytes.find("lost"), bytes.find("lost") + 4);
  CHECK(entries_of(*log, a) == all);
  CHECK(entries_of(*log, b) == std::vector<std::string>{"read: input/output error"});
}

TEST_CASE("changes that do not fit are refused, and nothing of their request is written") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  CHECK(write(*log, add(a, 2, "x")).error().code == base::errc::invalid);
  CHECK(write(*log, {a, {append{{1, 1, "x"}}, append{{3, 1, "x"}}}}).error().code == base::errc::invalid);
  CHECK(write(*log, add(99, 1, "x")).error().code == base::errc::not_found);
  CHECK(write(*log, set(a, "", "x")).error().code == base::errc::invalid);
  CHECK(write(*log, {a, {cut_before{0, 0}}}).error().code == base::errc::invalid);
  CHECK(write(*log, add(a, 1, std::string(2000, 'x'))).error().code == base::errc::invalid);
  CHECK(log->report(a)->last == 0);
  CHECK(!log->group(""));
  CHECK(!log->group(std::string(256, 'x')));
  CHECK(write(*log, add(a, 1, "x")));
  CHECK(log->read(a, 1, 1)->size() == 1);
}

TEST_CASE("behind a refused request those with its fence are refused, and those of others are not") {
  memory_disk disk;
  auto log = open_log(disk, 64U << 10);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(write(*log, add(a, i, "old")));
  const auto before = std::make_shared<fence>();
  REQUIRE(write(*log, {a, {set_value{"hard", "1"}}, before}));
  disk.capacity = disk.used(); // the reserve has room again once it was given up
  const request large{a, {cut_after{2}, append{{3, 2, std::string(5000, 'x')}}}, before};
  std::vector<base::status> later;
  SUBCASE("in a later write, which takes entries again") {
    CHECK(write(*log, large).error().code == base::errc::limit);
    later.push_back(write(*log, {a, {append{{4, 2, "new"}}}, before}));
    CHECK(!log->report().is_full);
    later.push_back(write(*log, {a, {set_value{"hard", "2"}}, before}));
    CHECK(write(*log, set(b, "hard", "3")));
  }
  SUBCASE("in the same write") {
    const std::vector<request> all{large,
                                   {a, {append{{4, 2, "new"}}}, before},
                                   {a, {set_value{"hard", "2"}}, before},
                                   {b, {set_value{"hard", "3"}}, std::make_shared<fence>()}};
    const auto how = log->write(all);
    REQUIRE(how.size() == 4);
    CHECK(how[0].error().code == base::errc::limit);
    later = {how[1], how[2]};
    CHECK(how[3]);
  }
  for (const base::status& one : later) {
    REQUIRE(!one);
    CHECK(one.error().code == base::errc::refused);
    CHECK(one.error().text == "an earlier request of this writer was refused");
  }
  CHECK(entries_of(*log, a) == std::vector<std::string>{"1:1:old", "2:1:old", "3:1:old"});
  CHECK(log->value(a, "hard") == "1");
  CHECK(log->value(b, "hard") == "3");
  // A new writer goes on from what is there.
  CHECK(write(*log, {a, {cut_after{2}, append{{3, 2, "new"}}}, std::make_shared<fence>()}));
  CHECK(entries_of(*log, a) == std::vector<std::string>{"1:1:old", "2:1:old", "3:2:new"});
}

TEST_CASE("a request that fits at the second attempt alone breaks no fence") {
  memory_disk disk;
  auto log = open_log(disk, 64U << 10);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  REQUIRE(write(*log, add(a, 1, "x")));
  disk.capacity = disk.used();
  const auto before = std::make_shared<fence>();
  const std::vector<request> all{{a, {set_value{"hard", "1"}}, before},
                                 {b, {append{{1, 1, std::string(5000, 'x')}}}, {}}};
  const auto how = log->write(all);
  REQUIRE(how.size() == 2);
  CHECK(how[0]);
  CHECK(how[1].error().code == base::errc::limit);
  CHECK(write(*log, {a, {set_value{"hard", "2"}}, before}));
  CHECK(log->value(a, "hard") == "2");
}

TEST_CASE("no entry has an index beyond the last one that a log can read") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, {a, {cut_before{last_index, 1}}}));
  CHECK(write(*log, add(a, last_index, "x")));
  CHECK(write(*log, add(a, last_index + 1, "y")).error().code == base::errc::invalid);
  CHECK(log->report(a)->last == last_index);
  log.reset();
  log = open_log(disk);
  CHECK(log->damages().empty());
  CHECK(entries_of(*log, a).size() == 1);
}

TEST_CASE("a group that was removed is gone, and its number names no other") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x")));
  REQUIRE(write(*log, {a, {remove_group{}}}));
  CHECK(write(*log, add(a, 2, "x")).error().code == base::errc::not_found);
  log.reset();
  log = open_log(disk);
  CHECK(log->groups().empty());
  CHECK(group_of(*log, "a") != a);
}

TEST_CASE(
    "a number is not given again when nothing is live any more, nothing is written, and the log starts "
    "anew") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x")));
  REQUIRE(write(*log, {a, {remove_group{}}}));
  log.reset();
  log = open_log(disk);
  CHECK(write(*log, add(a, 2, "x")).error().code == base::errc::not_found);
  log.reset();
  log = open_log(disk);
  CHECK(group_of(*log, "b") > a);
}

TEST_CASE("an empty value removes its key") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, set(a, "k", "v")));
  REQUIRE(write(*log, set(a, "k", "")));
  log.reset();
  log = open_log(disk);
  CHECK(!log->value(a, "k"));
}

TEST_CASE("a second process that opens the folder is refused") {
  memory_disk disk;
  const auto log = open_log(disk);
  const auto second = try_open(disk);
  REQUIRE(!second);
  CHECK(second.error().code == base::errc::refused);
}

TEST_CASE("a failed operation ends the log with its words, and nothing is tried again before it is opened") {
  for (std::uint64_t at = 0; at < 4; ++at) {
    CAPTURE(at);
    memory_disk disk;
    auto log = open_log(disk);
    const group_id a = group_of(*log, "a");
    const group_id b = group_of(*log, "b");
    REQUIRE(write(*log, add(a, 1, "kept")));
    log.reset();
    log = open_log(disk);
    // The operations are: a segment is created, gets room, is written, is synced.
    disk.plan(at, memory_disk::fault::fails);
    const auto failed = write(*log, add(a, 2, "lost"));
    REQUIRE(!failed);
    CHECK(failed.error().text == "the log has ended: input/output error");
    const std::uint64_t operations = disk.operations;
    CHECK(write(*log, add(b, 1, "x")).error().text == failed.error().text);
    CHECK(log->report().failure->text == failed.error().text);
    CHECK(entries_of(*log, a) == std::vector<std::string>{"1:1:kept"});
    log.reset();
    CHECK(disk.operations == operations);
    disk.kill();
    log = open_log(disk);
    CHECK(entries_of(*log, a)[0] == "1:1:kept");
  }
}

TEST_CASE("what an fsync has failed to write and a later life has read is written again, not only synced") {
  memory_disk disk;
  std::mt19937_64 random(3);
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "kept")));
  // The operations are: the segment gets more room, is written, is synced.
  disk.plan(2, memory_disk::fault::fails);
  REQUIRE(!write(*log, add(a, 2, "in the page cache alone")));
  log.reset();
  disk.kill();
  log = open_log(disk);
  const auto seen = entries_of(*log, a);
  CHECK(seen.size() == 2);
  drop(disk, log);
  disk.crash(random);
  log = open_log(disk);
  CHECK(entries_of(*log, a) == seen);
}

TEST_CASE("a folder without identity, of another format or with another's segment is refused or damaged") {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE(write(*log, add(group_of(*log, "a"), 1, "x")));
  log.reset();
  const std::string path = std::string(log_folder) + "/identity";
  std::string& identity_bytes = disk.content(path);
  const std::string whole = identity_bytes;
  identity_bytes[20] = static_cast<char>(identity_bytes[20] ^ 1);
  auto opened = try_open(disk);
  REQUIRE(!opened);
  CHECK(opened.error().text == "log /log: /log/identity: its checksum is wrong");
  disk.content(path) = whole;
  REQUIRE(disk.remove(path));
  opened = try_open(disk);
  REQUIRE(!opened);
  CHECK(opened.error().text == "log /log: /log/identity is missing, and segments are there");
}
