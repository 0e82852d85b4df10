// SPDX-License-Identifier: MIT
// Damage: a flipped bit anywhere is reported with file and offset, and stops the groups whose records are
// there and no others. Lost sectors and lost files stop at least those groups.
#include <doctest/doctest.h>

#include <set>

#include "durable/small_log.hpp"

using namespace coppice;
using namespace coppice::test;
using namespace coppice::durable;

namespace {

constexpr int groups = 6;

std::string name(int number) {
  return "group" + std::to_string(number);
}

// Some closed segments with entries of several groups. The groups have the numbers 1 to `groups`.
void fill(memory_disk& disk, int entries = 30) {
  auto log = open_log(disk);
  for (int i = 1; i <= entries; ++i)
    for (int g = 0; g < groups; ++g) {
      const group_id id = group_of(*log, name(g));
      // The last groups are quiet: no later record could prove what they have.
      if (g >= 4 && i > 2) continue;
      REQUIRE(write(*log, add(id, static_cast<std::uint64_t>(i), std::string(40, 'e'))));
    }
}

std::vector<bool> stopped(engine& log) {
  std::vector<bool> out(groups, false);
  for (const group_report& one : log.groups())
    for (int g = 0; g < groups; ++g)
      if (one.name == name(g) || (one.name.empty() && one.id == static_cast<group_id>(g + 1)))
        out[static_cast<std::size_t>(g)] = !one.damage.empty();
  return out;
}

// The group whose record contains the offset. 0: none.
group_id owner(const memory_disk& disk, memory_disk& same, const std::string& path, std::uint64_t number,
               std::uint64_t offset) {
  (void)disk;
  const auto id = read_identity(same, log_folder);
  const scanned_segment seen = scan_segment(base::as_bytes(same.content(path)), *id, number, false);
  for (const piece& one : seen.pieces)
    if (offset >= one.offset && offset < one.offset + one.size) return one.found->head.group;
  return 0;
}

// Where the last record of a group ends in the segment.
std::uint64_t end_of_records(memory_disk& disk, const std::string& path, std::uint64_t number) {
  const auto id = read_identity(disk, log_folder);
  const scanned_segment seen = scan_segment(base::as_bytes(disk.content(path)), *id, number, false);
  return seen.pieces.empty() ? segment_head_size : seen.pieces.back().offset + seen.pieces.back().size;
}

// Writes entries of the group and cuts them off again, until the first segment is removed.
void compact_first(memory_disk& disk, engine& log, group_id group) {
  const std::uint64_t from = log.report(group)->last + 1;
  for (std::uint64_t i = from; i < from + 500 && disk.has(segment_path(1)); ++i)
    REQUIRE(write(log, {group, {append{{i, 1, std::string(200, 'e')}}, cut_before{i, 1}}}));
  CHECK(!disk.has(segment_path(1)));
  CHECK(!log.report().is_held);
  CHECK(log.group("another").has_value());
}

} // namespace

TEST_CASE("a flipped bit stops the group whose record it hits, names file and offset, and no other group") {
  memory_disk disk;
  fill(disk, 12);
  std::set<group_id> hit; // by a flip that was reported. 0: it hit no group's record
  for (std::uint64_t number = 1; disk.has(segment_path(number)); ++number) {
    const std::string path = segment_path(number);
    const std::uint64_t records_end = end_of_records(disk, path, number);
    for (std::size_t at = 0; at < disk.content(path).size(); at += 7) {
      CAPTURE(number);
      CAPTURE(at);
      const group_id whose = owner(disk, disk, path, number, at);
      char& byte = disk.content(path)[at];
      byte = static_cast<char>(byte ^ 0x10);
      const auto id = read_identity(disk, log_folder);
      const auto found = recover(disk, log_folder, *id, engine::longest_start({.segment_bytes = 4096}));
      byte = static_cast<char>(byte ^ 0x10);
      // Not even a changed format number is taken for another format, since its checksum would have to be
      // right.
      REQUIRE(found.has_value());
      // The footer of the newest segment is the last batch, so a flip there can be a torn tail.
      const bool is_newest = !disk.has(segment_path(number + 1));
      if (is_newest && at >= records_end && found->damages.empty()) {
        for (const auto& [group, of] : found->found.groups()) CHECK(of.damage.empty());
        continue;
      }
      REQUIRE(found->damages.size() == 1);
      hit.insert(whose);
      const damage& hurt = found->damages[0];
      CHECK(hurt.file == path);
      CHECK(hurt.offset <= at);
      CHECK(at < hurt.offset + hurt.size);
      CHECK(hurt.all_groups_known);
      CHECK(hurt.groups == (whose == 0 ? std::vector<group_id>{} : std::vector<group_id>{whose}));
      for (const auto& [group, of] : found->found.groups()) CHECK(of.damage.empty() == (group != whose));
    }
  }
  CHECK(hit == std::set<group_id>{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("a group that is stopped refuses what is asked of it, others go on, and it can be removed") {
  memory_disk disk;
  fill(disk);
  const std::string path = segment_path(1);
  char& byte = disk.content(path)[segment_head_size + record_head_size + 2]; // the first group's name
  byte = static_cast<char>(byte ^ 1);
  auto log = open_log(disk);
  REQUIRE(log->damages().size() == 1);
  const std::string words = path + ", offset 64: the record's checksum is wrong";
  CHECK(log->damages()[0].text() == words);
  CHECK(log->report(1)->damage == words);
  CHECK(write(*log, add(1, 31, "x")).error().code == base::errc::invalid);
  CHECK(log->read(1, 1, 10).error().text == "the group is stopped: " + words);
  // Its name is lost, so another group could get it.
  CHECK(!log->group(name(0)));
  CHECK(write(*log, add(2, 31, "x")));
  CHECK(log->report().is_held);
  log.reset();
  log = open_log(disk);
  CHECK(log->report(1)->damage == words);
  CHECK(log->report(2)->last == 31);
  REQUIRE(write(*log, {1, {remove_group{}}}));
  CHECK(!log->report().is_held);
  const group_id again = group_of(*log, name(0));
  REQUIRE(write(*log, add(again, 1, "anew")));
  log.reset();
  log = open_log(disk);
  CHECK(log->damages()[0].groups.empty());
  CHECK(entries_of(*log, again) == std::vector<std::string>{"1:1:anew"});
}

TEST_CASE("a lost page stops every group with a record in it, wherever it lies") {
  memory_disk disk;
  fill(disk);
  for (std::uint64_t number = 1; disk.has(segment_path(number + 1)); ++number) {
    const std::string path = segment_path(number);
    const std::string whole = disk.content(path);
    for (std::size_t at = 0; at < whole.size(); at += 256) {
      CAPTURE(number);
      CAPTURE(at);
      std::vector<bool> hurt(groups, false);
      for (std::size_t i = at; i < std::min(at + 512, whole.size()); ++i)
        if (const group_id whose = owner(disk, disk, path, number, i); whose != 0) hurt[whose - 1] = true;
      std::fill_n(disk.content(path).begin() + static_cast<std::ptrdiff_t>(at),
                  std::min<std::size_t>(512, whole.size() - at), '\0');
      auto log = open_log(disk);
      const auto seen = stopped(*log);
      for (std::size_t g = 0; g < groups; ++g)
        if (hurt[g]) CHECK(seen[g]);
      const bool lost_footer = at + 512 > whole.size() - record_head_size;
      if (!lost_footer) CHECK(seen == hurt);
      CHECK(!log->damages().empty());
      drop(disk, log);
      disk.content(path) = whole;
    }
  }
}

TEST_CASE("damage before the last batch of a log that was not closed is no torn tail") {
  memory_disk disk;
  fill(disk, 2);
  auto log = open_log(disk);
  REQUIRE(write(*log, add(1, 3, "x")));
  REQUIRE(write(*log, add(2, 3, "x")));
  REQUIRE(write(*log, add(3, 3, "x")));
  drop(disk, log);
  std::string& bytes = disk.content(segment_path(2));
  SUBCASE("in a body") {
    char& byte = bytes[segment_head_size + record_head_size];
    byte = static_cast<char>(byte ^ 1);
    log = open_log(disk);
    CHECK(stopped(*log) == std::vector<bool>{true, false, false, false, false, false});
    CHECK(log->report(3)->last == 3);
  }
  SUBCASE("in a head: whatever cannot prove that it lost nothing is stopped, in each life alike") {
    char& byte = bytes[segment_head_size + 30];
    byte = static_cast<char>(byte ^ 1);
    log = open_log(disk);
    const std::vector<bool> expected{true, false, false, true, true, true};
    CHECK(stopped(*log) == expected);
    CHECK(!log->group("another"));
    CHECK(write(*log, add(2, 4, "x")));
    log.reset();
    log = open_log(disk);
    CHECK(stopped(*log) == expected);
    CHECK(log->report(2)->last == 4);
  }
  SUBCASE("in the last batch it is one") {
    char& byte = bytes[bytes.find_last_not_of('\0')]; // reserved room follows the batch
    byte = static_cast<char>(byte ^ 1);
    log = open_log(disk);
    CHECK(log->damages().empty());
    CHECK(log->report(3)->last == 2);
  }
}

TEST_CASE("a segment that is missing or cannot be read stops its groups") {
  memory_disk disk;
  fill(disk);
  SUBCASE("missing") {
    REQUIRE(disk.remove(segment_path(2)));
  }
  SUBCASE("unreadable") {
    disk.make_unreadable(segment_path(2));
  }
  SUBCASE("cut short") {
    disk.content(segment_path(2)).resize(1000);
  }
  SUBCASE("empty") {
    disk.content(segment_path(2)).clear();
  }
  const auto log = open_log(disk);
  REQUIRE(!log->damages().empty());
  CHECK(log->damages()[0].file == segment_path(2));
  const auto seen = stopped(*log);
  for (std::size_t g = 0; g < 4; ++g) CHECK(seen[g]);
}

TEST_CASE("a newest segment that cannot be read is nothing that may be cut") {
  memory_disk disk;
  fill(disk, 2);
  disk.make_unreadable(segment_path(1));
  const auto opened = try_open(disk);
  REQUIRE(!opened);
  CHECK(opened.error().text.find("cannot be read") != std::string::npos);
}

TEST_CASE("damage that shows while an entry is read, or written anew, stops its group then") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  REQUIRE(write(*log, add(a, 1, std::string(40, 'e'))));
  for (std::uint64_t i = 1; i <= 30; ++i) REQUIRE(write(*log, add(b, i, std::string(200, 'e'))));
  std::string& bytes = disk.content(segment_path(1));
  const std::size_t at = bytes.find("eeee");
  bytes[at] = 'f';
  SUBCASE("read") {
    CHECK(!log->read(a, 1, 100));
  }
  SUBCASE("written anew") {
    for (std::uint64_t i = 31; i <= 200; ++i)
      REQUIRE(write(*log, {b, {append{{i, 1, std::string(200, 'e')}}, cut_before{i, 1}}}));
    CHECK(log->damages().size() == 1);
    CHECK(log->report().is_held);
    CHECK(disk.has(segment_path(1)));
  }
  CHECK(write(*log, add(a, 2, "x")).error().code == base::errc::invalid);
  CHECK(write(*log, set(b, "k", "v")));
}

TEST_CASE("damage of a group that was removed keeps no segment: what is live there is written anew") {
  memory_disk disk;
  fill(disk);
  std::string& bytes = disk.content(segment_path(1));
  SUBCASE("in a body") {
    bytes[segment_head_size + record_head_size + 2] =
        static_cast<char>(bytes[segment_head_size + record_head_size + 2] ^ 1);
  }
  SUBCASE("in a head") {
    bytes[segment_head_size + 30] = static_cast<char>(bytes[segment_head_size + 30] ^ 1);
  }
  SUBCASE("in the length of a body, which the head's checksum covers") {
    bytes[segment_head_size + 12] = static_cast<char>(bytes[segment_head_size + 12] ^ 0x40);
  }
  auto log = open_log(disk);
  REQUIRE(!log->report(1)->damage.empty());
  REQUIRE(write(*log, {1, {remove_group{}}}));
  compact_first(disk, *log, 2);
  log.reset();
  log = open_log(disk);
  CHECK(log->damages().empty());
  for (const group_report& one : log->groups()) CHECK(one.damage.empty());
  CHECK(entries_of(*log, 6).size() == 2);
}

TEST_CASE("a damaged footer or end keeps no segment") {
  memory_disk disk;
  fill(disk);
  std::string& bytes = disk.content(segment_path(1));
  const std::size_t footer = bytes.size() - 2 * record_head_size - groups * footer_item_size;
  std::size_t at = 0;
  SUBCASE("the footer's head") {
    at = footer + 30;
  }
  SUBCASE("the footer's body") {
    at = footer + record_head_size + 3;
  }
  SUBCASE("the end") {
    at = bytes.size() - 20;
  }
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  auto log = open_log(disk);
  CHECK(log->damages().size() == 1);
  compact_first(disk, *log, 2);
  CHECK(log->damages().size() == 1);
  CHECK(entries_of(*log, 6).size() == 2);
}

TEST_CASE("what cannot be read of the oldest segment keeps it only where it is needed") {
  constexpr std::uint32_t long_segment = 1U << 20;
  memory_disk disk;
  auto log = open_log(disk, long_segment);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  const std::string body(10'000, 'e');
  for (std::uint64_t i = 1; i <= 40; ++i) REQUIRE(write(*log, add(a, i, body)));
  REQUIRE(write(*log, add(b, 1, "quiet")));
  for (std::uint64_t i = 41; !disk.has(segment_path(2)); ++i) REQUIRE(write(*log, add(a, i, body)));
  const std::string path = segment_path(1);
  const std::uint64_t needed = disk.content(path).find("quiet");
  const auto fill_up = [&] {
    for (int i = 0; i < 500 && disk.has(path) && !log->report().is_held; ++i) {
      const std::uint64_t next = log->report(a)->last + 1;
      REQUIRE(write(*log, {a, {append{{next, 1, body}}, cut_before{next, 1}}}));
    }
  };
  SUBCASE("dead") {
    disk.make_unreadable(path, 200'000, 200'512);
    fill_up();
    CHECK(!disk.has(path));
    CHECK(log->damages().empty());
    CHECK(entries_of(*log, b) == std::vector<std::string>{"1:1:quiet"});
  }
  SUBCASE("needed") {
    disk.make_unreadable(path, needed, needed + 1);
    fill_up();
    CHECK(disk.has(path));
    REQUIRE(log->damages().size() == 1);
    CHECK(log->damages()[0].text() == path + ", offset 64: read: input/output error");
    CHECK(log->report().is_held);
  }
}

TEST_CASE("a damaged value that is needed stops its group when it is written anew, also if its key is hit") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  REQUIRE(write(*log, set(a, "thekey", "thevalue")));
  for (std::uint64_t i = 1; i <= 30; ++i) REQUIRE(write(*log, add(b, i, std::string(200, 'e'))));
  std::string& bytes = disk.content(segment_path(1));
  bytes[bytes.find("thekey")] = 'x';
  for (std::uint64_t i = 31; i <= 200; ++i)
    REQUIRE(write(*log, {b, {append{{i, 1, std::string(200, 'e')}}, cut_before{i, 1}}}));
  REQUIRE(log->damages().size() == 1);
  CHECK(log->damages()[0].groups == std::vector<group_id>{a});
  CHECK(log->damages()[0].all_groups_known);
  CHECK(disk.has(segment_path(1)));
}

TEST_CASE("a crash while the footer is written over a torn batch stops nothing") {
  memory_disk disk;
  auto log = open_log(disk);
  const group_id a = group_of(*log, "a");
  const group_id b = group_of(*log, "b");
  REQUIRE(write(*log, add(a, 1, "kept")));
  REQUIRE(write(*log, add(b, 1, "kept")));
  REQUIRE(write(*log, {a, {append{{2, 1, "two"}}, append{{3, 1, "three"}}, append{{4, 1, "four"}}}}));
  drop(disk, log);
  // After the first crash, a part of the last batch is left.
  std::string& bytes = disk.content(segment_path(1));
  const std::size_t torn = bytes.find("four");
  bytes.resize(torn + 2);
  log = open_log(disk);
  CHECK(log->report(a)->last == 3);
  drop(disk, log);
  // The second crash loses the footer's head, or its head and body, and keeps the end.
  std::size_t lost = record_head_size;
  SUBCASE("the head") {}
  SUBCASE("head and body") {
    lost += 2 * footer_item_size;
  }
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(torn - record_head_size), lost, '\0');
  for (int life = 0; life < 2; ++life) {
    log = open_log(disk);
    CHECK(log->damages().empty());
    CHECK(log->group("another").has_value());
    CHECK(entries_of(*log, a) == std::vector<std::string>{"1:1:kept", "2:1:two", "3:1:three"});
    CHECK(entries_of(*log, b) == std::vector<std::string>{"1:1:kept"});
    log.reset();
  }
}

TEST_CASE("segments of another log, or under a wrong name, are never removed: the log is not opened") {
  memory_disk disk;
  fill(disk);
  std::string where = segment_path(1);
  std::string why = "it is of another log";
  SUBCASE("the file identity is another log's") {
    disk.content(std::string(log_folder) + "/identity") = encode_identity({1, 2, 3});
  }
  SUBCASE("the newest segment has a wrong name") {
    std::uint64_t newest = 1;
    while (disk.has(segment_path(newest + 1))) ++newest;
    REQUIRE(disk.rename(segment_path(newest), segment_path(newest + 1)));
    where = segment_path(newest + 1);
    why = "it is another segment, under a wrong name";
  }
  const auto before = disk.files();
  for (int life = 0; life < 2; ++life) {
    const auto opened = try_open(disk);
    REQUIRE(!opened);
    CHECK(opened.error().code == base::errc::invalid);
    CHECK(opened.error().text == "log /log: " + where + ", offset 0: " + why);
    CHECK(disk.files() == before);
  }
  const auto found = recover(disk, log_folder, *read_identity(disk, log_folder), 2304);
  REQUIRE(found.has_value());
  CHECK(!found->damages.empty());
  CHECK(found->refusal.has_value());
}

TEST_CASE("a newest segment without records is removed only if a torn first batch can have left it") {
  memory_disk disk;
  fill(disk);
  std::uint64_t newest = 1;
  while (disk.has(segment_path(newest + 1))) ++newest;
  std::string& bytes = disk.content(segment_path(newest));
  const std::size_t longest = engine::longest_start({.segment_bytes = 4096});
  CHECK(longest == 2304); // the head, half a segment, and the room reserved with that
  SUBCASE("too long for one batch") {
    bytes.assign(longest + 1, '\0');
    const auto opened = try_open(disk);
    REQUIRE(!opened);
    CHECK(opened.error().text ==
          "log /log: " + segment_path(newest) +
              ", offset 0: no record can be read, and it is longer than a first batch");
    CHECK(disk.has(segment_path(newest)));
  }
  SUBCASE("as long as one") {
    bytes.assign(longest, '\0');
    const auto log = open_log(disk);
    CHECK(log->damages().empty());
    CHECK(!disk.has(segment_path(newest)));
  }
}

TEST_CASE("a newest segment that is empty says nothing about segments before it, whatever its number") {
  memory_disk disk;
  fill(disk);
  std::uint64_t newest = 1;
  while (disk.has(segment_path(newest + 1))) ++newest;
  REQUIRE(disk.open(segment_path(newest + 1000), access::create));
  auto log = open_log(disk);
  CHECK(log->damages().empty());
  CHECK(!disk.has(segment_path(newest + 1000)));
  REQUIRE(write(*log, add(1, 31, "x")));
  CHECK(disk.has(segment_path(newest + 1)));
}

TEST_CASE("a file that is longer than any segment is not read") {
  memory_disk disk;
  fill(disk);
  disk.claimed_size[segment_path(1)] = (1U << 30) + 1;
  const auto opened = try_open(disk);
  REQUIRE(!opened);
  CHECK(opened.error().text == "log /log: " + segment_path(1) + ": it is longer than 1 GiB");
}
