// SPDX-License-Identifier: MIT
// The length of the log: at most twice the live bytes and two segments, with quiet groups beside busy ones,
// and on a disk that becomes full.
#include <doctest/doctest.h>

#include "durable/small_log.hpp"

using namespace coppice;
using namespace coppice::test;
using namespace coppice::durable;

namespace {

constexpr std::uint32_t segment = 64U << 10;

void check_bound(memory_disk& disk, const engine& log) {
  const log_report now = log.report();
  const bool holds = now.bytes + segment / 2 <= 2 * now.live_bytes + 2 * segment &&
                     disk.used() <= 2 * now.live_bytes + 2 * segment + identity_size;
  if (!holds)
    CHECK_MESSAGE(holds, now.bytes << " bytes, live " << now.live_bytes << ", used " << disk.used());
}

// Checks the most bytes that the disk had at any time since the last call. A cut lowers the bound at once, so
// the larger of the bounds before and after it counts.
class peak {
 public:
  void check(memory_disk& disk, const engine& log) {
    const std::uint64_t live = log.report().live_bytes;
    const std::uint64_t bound = 2 * std::max(live, live_before_) + 2 * segment + identity_size;
    const bool holds = live_before_ == 0 || disk.most_used <= bound;
    if (!holds) CHECK_MESSAGE(holds, disk.most_used << " bytes, and the bound is " << bound);
    live_before_ = live;
    disk.most_used = 0;
  }

 private:
  std::uint64_t live_before_ = 0;
};

// A busy group. Its entries are cut off again, as after snapshots.
struct busy_group {
  group_id id;
  std::uint64_t next = 1;
  std::uint64_t first = 1;

  request append_one(std::size_t size) { return add(id, next, std::string(size, 'b')); }
  request cut(std::uint64_t keep) {
    first = next > keep ? next - keep : first;
    return {id, {cut_before{first, 1}}};
  }
};

} // namespace

TEST_CASE("one busy and 999 quiet groups: the log stays below twice what is live and two segments") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  std::vector<group_id> quiet;
  for (int i = 0; i < 999; ++i) {
    quiet.push_back(group_of(*log, "quiet" + std::to_string(i)));
    REQUIRE(
        write(*log, {quiet.back(), {set_value{"term", std::to_string(i)}, append{{1, 1, "quiet entry"}}}}));
  }
  busy_group busy{group_of(*log, "busy")};
  peak most;
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(write(*log, busy.append_one(500)));
    ++busy.next;
    if (i % 50 == 0) REQUIRE(write(*log, busy.cut(20)));
    check_bound(disk, *log);
    most.check(disk, *log);
  }
  // 11 MB were written. The rewritten bytes are not much more than that.
  CHECK(log->report().compacted < 15'000'000);
  CHECK(log->report().compacted > 0);
  for (int life = 0; life < 2; ++life) {
    for (int i = 0; i < 999; ++i) {
      CHECK(log->value(quiet[static_cast<std::size_t>(i)], "term") == std::to_string(i));
      CHECK(entries_of(*log, quiet[static_cast<std::size_t>(i)]) ==
            std::vector<std::string>{"1:1:quiet entry"});
    }
    CHECK(log->report(busy.id)->last == busy.next - 1);
    drop(disk, log);
    log = open_log(disk, segment);
    CHECK(log->damages().empty());
  }
}

TEST_CASE("what is all cut or removed takes a segment at most") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  busy_group one{group_of(*log, "one")};
  busy_group two{group_of(*log, "two")};
  for (int i = 0; i < 4000; ++i, ++one.next, ++two.next) {
    REQUIRE(write(*log, one.append_one(200)));
    REQUIRE(write(*log, two.append_one(200)));
  }
  CHECK(log->report().live_bytes > 2'000'000);
  REQUIRE(write(*log, {one.id, {remove_group{}}}));
  check_bound(disk, *log);
  REQUIRE(write(*log, {two.id, {cut_before{two.next, 1}}}));
  check_bound(disk, *log);
  CHECK(log->report().bytes <= 2 * segment);
}

TEST_CASE(
    "a full disk refuses entries in words, keeps what is acknowledged, and takes more once there is room") {
  memory_disk disk;
  std::mt19937_64 random(5);
  disk.capacity = 8 * segment;
  auto log = open_log(disk, segment);
  const group_id vote = group_of(*log, "vote");
  busy_group busy{group_of(*log, "busy")};
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    base::status how;
    for (int i = 0; i < 10'000 && how; ++i) {
      how = write(*log, busy.append_one(700));
      busy.next += how ? 1 : 0;
      check_bound(disk, *log);
    }
    REQUIRE(!how);
    CHECK(how.error().code == base::errc::limit);
    CHECK(how.error().text == "the disk is full: no entries are taken until there is room");
    CHECK(log->report().is_full);
    CHECK(!log->report().failure);
    // The reserve is kept for this write.
    REQUIRE(write(*log, set(vote, "term", std::to_string(round))));
    if (round % 3 == 0) {
      drop(disk, log);
      disk.crash(random);
      log = open_log(disk, segment);
      CHECK(log->damages().empty());
    }
    CHECK(log->value(vote, "term") == std::to_string(round));
    CHECK(log->report(busy.id)->last == busy.next - 1);
    REQUIRE(write(*log, busy.cut(30)));
    CHECK(disk.used() <= disk.capacity);
  }
  CHECK(busy.next > 5000);
}

TEST_CASE("a disk that others have filled to the last byte ends nothing") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  const group_id a = group_of(*log, "a");
  REQUIRE(write(*log, add(a, 1, "x")));
  disk.capacity = 0;
  std::uint64_t next = 2;
  base::status how;
  while ((how = write(*log, add(a, next, "x")))) ++next; // until the reserved room is used up
  CHECK(how.error().code == base::errc::limit);
  CHECK(write(*log, set(a, "k", "v")).error().code == base::errc::limit);
  CHECK(!log->report().failure);
  drop(disk, log);
  CHECK(try_open(disk, segment).error().code == base::errc::limit);
  disk.kill();
  disk.capacity = ~std::uint64_t{0};
  log = open_log(disk, segment);
  CHECK(entries_of(*log, a).size() == next - 1);
  CHECK(write(*log, add(a, next, "y")));
}

TEST_CASE("what is not needed for the bound is written anew after the outcomes, by tidy()") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  REQUIRE(write(*log, add(group_of(*log, "quiet"), 1, std::string(10'000, 'q'))));
  busy_group busy{group_of(*log, "busy")};
  // Longer than 1.5 times the live bytes plus one segment.
  std::vector<request> batch;
  const auto is_long = [&] {
    const log_report now = log->report();
    return now.bytes > now.live_bytes + now.live_bytes / 2 + segment;
  };
  while (!is_long()) {
    batch = {busy.append_one(2000)};
    ++busy.next;
    batch.push_back(busy.cut(1));
    REQUIRE(log->write(batch)[0]);
    CHECK(log->report().compacted == 0);
  }
  log->tidy();
  CHECK(log->report().compacted > 0);
}

TEST_CASE("entries are refused when the reserve is given up to write anew what is live, before they come") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  const group_id quiet = group_of(*log, "quiet");
  for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(write(*log, add(quiet, i, std::string(14'000, 'q'))));
  busy_group busy{group_of(*log, "busy")};
  bool was_full = false;
  for (int i = 0; i < 200 && !was_full; ++i) {
    CAPTURE(i);
    disk.capacity = disk.used() + 3000; // room for the entry, but not for rewriting live bytes
    const request one = busy.append_one(1000);
    const auto how = log->write({&one, 1})[0];
    busy.next += how ? 1 : 0;
    was_full = log->report().is_full;
    CHECK(how.has_value() == !was_full);
    if (!how) CHECK(how.error().text == "the disk is full: no entries are taken until there is room");
    const request cut = busy.cut(1);
    if (!was_full) REQUIRE(log->write({&cut, 1})[0]);
  }
  CHECK(was_full);
}

TEST_CASE("the bound holds while whole segments are written anew") {
  memory_disk disk;
  auto log = open_log(disk, segment);
  const group_id quiet = group_of(*log, "quiet");
  for (std::uint64_t i = 1; i <= 40; ++i) REQUIRE(write(*log, add(quiet, i, std::string(15'000, 'q'))));
  busy_group busy{group_of(*log, "busy")};
  peak most;
  for (int i = 0; i < 5000; ++i, ++busy.next) {
    CAPTURE(i);
    // Without tidy(), the log rewrites what it has to at once, before the batch.
    const std::vector<request> batch{busy.append_one(3000), busy.cut(1)};
    for (const base::status& one : log->write(batch)) REQUIRE(one);
    most.check(disk, *log);
  }
  CHECK(log->report().compacted > 600'000);
}
