// SPDX-License-Identifier: MIT
// Room that is reserved after the records of the newest segment: a write there does not change the file's
// size, zeros and records are never confused, a closed segment has no such room, and a full disk is noticed
// before anything is written.
#include <doctest/doctest.h>

#include <functional>

#include "durable/small_log.hpp"

using namespace coppice;
using namespace coppice::test;
using namespace coppice::durable;

namespace {

constexpr std::uint32_t segment = 64U << 10; // room is reserved in steps of 4 KiB

std::string& bytes_of(memory_disk& disk, std::uint64_t number = 1) {
  return disk.content(segment_path(number));
}

recovered look(memory_disk& disk) {
  auto found = recover(disk, log_folder, *read_identity(disk, log_folder),
                       engine::longest_start({.segment_bytes = 4096}));
  REQUIRE(found.has_value());
  return std::move(*found);
}

bool ends_with_its_end(memory_disk& disk, std::uint64_t number) {
  const auto bytes = base::as_bytes(bytes_of(disk, number));
  const auto last =
      decode_head(bytes.last(record_head_size), record_seed(*read_identity(disk, log_folder), number));
  return last && last->head.what == kind::end;
}

// Three batches of one entry each; the last one ends with ten zeros. The process has ended without closing
// the log. The segment has 337 bytes of records and 175 bytes of reserved room.
constexpr std::size_t records_end = 337;
constexpr std::size_t last_record = records_end - record_head_size - 10;
constexpr std::size_t whole_room = 175;

const std::vector<std::string> three{"1:1:one", "2:1:two", "3:1:" + std::string(10, '\0')};
const std::vector<std::string> two{three[0], three[1]};

void fill(memory_disk& disk) {
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "one")));
  REQUIRE(write(*log, add(a, 2, "two")));
  REQUIRE(write(*log, add(a, 3, std::string(10, '\0'))));
  drop(disk, log);
  REQUIRE(bytes_of(disk).size() == records_end + whole_room);
}

struct tail {
  const char* what;
  std::function<void(std::string&)> change;
  std::uint64_t reserved;
  std::uint64_t torn;
  const std::vector<std::string>& entries;
};

const tail tails[] = {
    {"as it was left", [](std::string&) {}, whole_room, 0, three},
    {"all of the room is missing, as in a log that was written without any",
     [](std::string& of) { of.resize(records_end); }, 0, 0, three},
    {"the file is cut within the room", [](std::string& of) { of.resize(records_end + 7); }, 7, 0, three},
    {"the room is longer than a step", [](std::string& of) { of.append(1000, '\0'); }, whole_room + 1000, 0,
     three},
    {"a byte in the middle of the room", [](std::string& of) { of[records_end + 20] = 1; }, whole_room - 21,
     21, three},
    {"a byte right behind the records", [](std::string& of) { of[records_end] = 'c'; }, whole_room - 1, 1,
     three},
    {"a byte at the room's end", [](std::string& of) { of.back() = 1; }, 0, whole_room, three},
    {"the last record is lost as a whole",
     [](std::string& of) { of.replace(last_record, record_head_size, record_head_size, '\0'); },
     whole_room + 10 + record_head_size, 0, two},
    {"the last record's head is damaged", [](std::string& of) { of[last_record + 9] = 8; }, whole_room + 10,
     record_head_size, two},
    {"the zeros of the last body are damaged", [](std::string& of) { of[records_end - 1] = 1; }, whole_room,
     record_head_size + 10, two},
    {"the file is cut within the last body", [](std::string& of) { of.resize(records_end - 4); }, 6,
     record_head_size, two},
    {"the file is cut within the last head", [](std::string& of) { of.resize(last_record + 4); }, 0, 4, two},
};

} // namespace

TEST_CASE("a write into reserved room changes no size, and room is reserved in steps") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x")));
  CHECK(bytes_of(disk).size() == 4096);
  const std::uint64_t syncs = disk.file_syncs;
  const std::uint64_t sizes = disk.size_syncs;
  for (std::uint64_t i = 2; i <= 21; ++i) REQUIRE(write(*log, add(a, i, std::string(100, 'e'))));
  CHECK(disk.file_syncs == syncs + 20);
  CHECK(disk.size_syncs == sizes);
  CHECK(log->report().bytes == 4096);
  for (std::uint64_t i = 22; i <= 25; ++i) REQUIRE(write(*log, add(a, i, std::string(100, 'e'))));
  CHECK(disk.size_syncs == sizes + 1);
  CHECK(bytes_of(disk).size() == 8192);
  CHECK(log->report().bytes == 8192);
}

TEST_CASE("a closed segment has its records and nothing behind them") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  for (std::uint64_t i = 1; !disk.has(segment_path(3)); ++i)
    REQUIRE(write(*log, add(a, i, std::string(50, 'e'))));
  CHECK(ends_with_its_end(disk, 1));
  CHECK(ends_with_its_end(disk, 2));
  CHECK(!ends_with_its_end(disk, 3));
  std::uint64_t sum = 0;
  for (std::uint64_t number = 1; number <= 3; ++number) sum += bytes_of(disk, number).size();
  CHECK(log->report().bytes == sum);
  SUBCASE("when the log is closed") {
    log.reset();
  }
  SUBCASE("when a log that was not closed is opened") {
    drop(disk, log);
    log = open_log(disk);
  }
  CHECK(ends_with_its_end(disk, 3));
}

TEST_CASE(
    "zeros behind the records are reserved room, other bytes there a torn tail, and no record is taken for "
    "zeros") {
  for (const tail& one : tails) {
    CAPTURE(one.what);
    memory_disk disk;
    fill(disk);
    one.change(bytes_of(disk));
    const recovered found = look(disk);
    CHECK(found.damages.empty());
    REQUIRE(found.newest.has_value());
    CHECK(found.newest->reserved == one.reserved);
    CHECK(found.newest->torn == one.torn);
    CHECK(found.segments[0].size == bytes_of(disk).size() - one.reserved - one.torn);
    for (int life = 0; life < 2; ++life) {
      auto log = open_log(disk);
      CHECK(log->damages().empty());
      CHECK(entries_of(*log, 1) == one.entries);
      CHECK(ends_with_its_end(disk, 1));
    }
  }
}

TEST_CASE("damage before the last batch is damage, whatever room is reserved") {
  memory_disk disk;
  fill(disk);
  std::string& bytes = bytes_of(disk);
  const std::size_t at = bytes.find("one");
  std::size_t where = at - record_head_size;
  SUBCASE("a changed byte") {
    bytes[at] = 'x';
  }
  SUBCASE("a record that has become zeros") {
    bytes.replace(where, record_head_size + 3, record_head_size + 3, '\0');
  }
  const recovered found = look(disk);
  REQUIRE(found.damages.size() == 1);
  CHECK(found.damages[0].file == segment_path(1));
  CHECK(found.damages[0].offset == where);
  CHECK(found.newest->reserved == whole_room);
  CHECK(found.newest->torn == 0);
  CHECK(!found.found.find(1)->damage.empty());
}

TEST_CASE("zeros behind the end of a segment are room in the newest one only") {
  memory_disk disk;
  fill(disk);
  auto log = open_log(disk); // closes the first segment
  SUBCASE("in the newest one a crash has lost the cut") {
    log.reset();
    const std::size_t size = bytes_of(disk).size();
    bytes_of(disk).append(100, '\0');
    const recovered found = look(disk);
    CHECK(found.damages.empty());
    CHECK(found.newest->closed);
    CHECK(found.newest->reserved == 100);
    log = open_log(disk);
    CHECK(bytes_of(disk).size() == size);
  }
  SUBCASE("in an older one nothing can have left them") {
    REQUIRE(write(*log, add(1, 4, "four")));
    drop(disk, log);
    const std::size_t size = bytes_of(disk).size();
    bytes_of(disk).append(100, '\0');
    const recovered found = look(disk);
    REQUIRE(found.damages.size() == 1);
    CHECK(found.damages[0].text() ==
          segment_path(1) + ", offset " + std::to_string(size) + ": this is no record");
    CHECK(found.damages[0].groups.empty());
    log = open_log(disk);
  }
  CHECK(entries_of(*log, 1)[2] == three[2]);
}

TEST_CASE("what a crash loses of a batch in reserved room is zeros, and the file is as long as before") {
  std::uint64_t kept = 0;
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    memory_disk disk;
    std::mt19937_64 random(seed);
    auto log = open_log(disk, segment);
    const group_id a = group_of(*log, "a");
    REQUIRE(write(*log, add(a, 1, "x")));
    disk.plan(1, memory_disk::fault::crashes); // in the sync after the write
    REQUIRE(!write(*log, add(a, 2, std::string(1000, 'e'))));
    drop(disk, log);
    disk.crash(random);
    CHECK(bytes_of(disk).size() == 4096);
    log = open_log(disk, segment);
    CHECK(log->damages().empty());
    const auto entries = entries_of(*log, a);
    REQUIRE(!entries.empty());
    CHECK(entries[0] == "1:1:x");
    ++(entries.size() == 2 ? kept : lost);
  }
  CHECK(kept > 0);
  CHECK(lost > 0);
}

TEST_CASE(
    "on a full disk reserved room is written to, and what does not fit is refused before a byte is written") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x")));
  disk.capacity = 0;
  for (std::uint64_t i = 2; i <= 11; ++i) CHECK(write(*log, add(a, i, std::string(100, 'e'))));
  CHECK(!log->report().is_full);
  const std::string before = bytes_of(disk);
  CHECK(write(*log, add(a, 12, std::string(3000, 'e'))).error().code == base::errc::limit);
  CHECK(log->report().is_full);
  CHECK(bytes_of(disk) == before);
  CHECK(write(*log, set(a, "k", "v")));
  // There is room for the footer, too.
  drop(disk, log);
  log = open_log(disk, segment);
  CHECK(log->report().is_full);
  CHECK(entries_of(*log, a).size() == 11);
  CHECK(log->value(a, "k") == "v");
}

TEST_CASE("where the disk has no room for a step, a batch gets what it needs") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x"))); // 194 bytes of records
  disk.capacity = disk.used() + 1000;
  REQUIRE(write(*log, add(a, 2, std::string(4000, 'e'))));
  CHECK(bytes_of(disk).size() == 194 + record_head_size + 4000);
  CHECK(write(*log, add(a, 3, std::string(1000, 'e'))).error().code == base::errc::limit);
  CHECK(entries_of(*log, a).size() == 2);
}

TEST_CASE(
    "a file system that cannot reserve takes a log, and another version's segments go on where it can") {
  memory_disk disk;
  disk.can_reserve = false;
  auto log = open_log(disk, segment);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x")));
  CHECK(bytes_of(disk).size() == 194);
  CHECK(disk.content(std::string(log_folder) + "/reserve").size() == segment / 2);
  drop(disk, log);
  disk.can_reserve = true;
  log = open_log(disk, segment);
  REQUIRE(write(*log, add(a, 2, "y")));
  CHECK(bytes_of(disk, 2).size() == 4096);
  CHECK(entries_of(*log, a) == std::vector<std::string>{"1:1:x", "2:1:y"});
  CHECK(log->damages().empty());
}
