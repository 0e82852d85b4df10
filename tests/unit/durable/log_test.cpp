// SPDX-License-Identifier: MIT
// The thread of the log: groups share fsyncs, outcomes come in order, and which requests are refused at once
// and which failures end the log.
#include "durable/log.hpp"

#include <doctest/doctest.h>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "durable/small_log.hpp"

using namespace coppice;
using namespace coppice::test;
using namespace coppice::durable;

namespace {

std::atomic<int> yields = 0;

} // namespace

// Replaces the C library's function in the whole program.
extern "C" int sched_yield(void) noexcept {
  ++yields;
  return static_cast<int>(syscall(SYS_sched_yield));
}

namespace {

// Collects the outcomes as they are reported.
class heard {
 public:
  shared_log::outcome as(int number) {
    return [this, number](base::status how) {
      const std::lock_guard hold(mutex_);
      told_.emplace_back(number, how ? "" : how.error().text);
      more_.notify_all();
    };
  }
  std::vector<std::pair<int, std::string>> wait(std::size_t count) {
    std::unique_lock hold(mutex_);
    more_.wait(hold, [&] { return told_.size() >= count; });
    return told_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<std::pair<int, std::string>> told_;
};

std::unique_ptr<shared_log> open_threaded(memory_disk& on, const log_options& with = {}) {
  auto opened = shared_log::open(on, log_folder, with);
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

} // namespace

TEST_CASE("a writer that waits for each of its requests alone has no other thread run before its write") {
  memory_disk disk;
  auto log = open_threaded(disk);
  heard by;
  const group_id group = *log->group("alone");
  const int before = yields;
  for (int i = 1; i <= 20; ++i) {
    REQUIRE(log->submit({group, {set_value{"k", std::to_string(i)}}}, by.as(i)).has_value());
    by.wait(static_cast<std::size_t>(i));
  }
  CHECK(yields == before);
}

TEST_CASE("requests are gathered where several were written together, came meanwhile, or wait") {
  gathering of;
  CHECK_FALSE(of.pays(1));
  CHECK(of.pays(2));
  of.wrote(1, 0);
  CHECK_FALSE(of.pays(1));
  of.wrote(1, 1);
  CHECK(of.pays(1));
  of.wrote(2, 0);
  CHECK(of.pays(1));
  of.wrote(1, 0);
  CHECK_FALSE(of.pays(1));
}

TEST_CASE(
    "1,000 groups that append at the same time take two fsyncs: what comes while the disk syncs shares the "
    "next") {
  std::mutex gate;
  std::condition_variable opens;
  bool is_open = false;
  bool syncs = false;
  memory_disk disk;
  auto log = open_threaded(disk);
  heard by;
  std::vector<group_id> groups;
  for (int i = 0; i < 1000; ++i) groups.push_back(*log->group("group" + std::to_string(i)));
  disk.before_sync = [&] {
    std::unique_lock hold(gate);
    syncs = true;
    opens.notify_all();
    opens.wait(hold, [&] { return is_open; });
  };
  const std::uint64_t before = disk.file_syncs;
  REQUIRE(log->submit(add(groups[0], 1, "first"), by.as(0)));
  {
    std::unique_lock hold(gate);
    opens.wait(hold, [&] { return syncs; });
  }
  for (int i = 1; i < 1000; ++i)
    REQUIRE(log->submit(add(groups[static_cast<std::size_t>(i)], 1, "x"), by.as(i)));
  {
    const std::lock_guard hold(gate);
    is_open = true;
  }
  opens.notify_all();
  by.wait(1000);
  CHECK(disk.file_syncs - before == 2);
}

TEST_CASE("outcomes of one group come in the order of its requests, and show in what is read") {
  memory_disk disk;
  auto log = open_threaded(disk);
  heard by;
  const group_id a = *log->group("a");
  for (int i = 1; i <= 100; ++i) REQUIRE(log->submit(add(a, static_cast<std::uint64_t>(i), "x"), by.as(i)));
  REQUIRE(log->submit(add(a, 7, "x"), by.as(101)));
  const auto told = by.wait(101);
  for (int i = 1; i <= 100; ++i) CHECK(told[static_cast<std::size_t>(i) - 1] == std::pair(i, std::string()));
  CHECK(told[100].second == "entry 7 does not follow entry 100");
  CHECK(log->report(a)->last == 100);
  CHECK(log->read(a, 1, ~std::size_t{0})->size() == 100);
}

TEST_CASE("a log that is closed writes what was submitted") {
  memory_disk disk;
  auto log = open_threaded(disk);
  heard by;
  const group_id a = *log->group("a");
  for (int i = 1; i <= 50; ++i) REQUIRE(log->submit(add(a, static_cast<std::uint64_t>(i), "x"), by.as(i)));
  log.reset();
  CHECK(by.wait(50).size() == 50);
  CHECK(open_log(disk)->report(a)->last == 50);
}

TEST_CASE("too much that waits, and a request that no segment has room for, are refused at once") {
  memory_disk disk;
  log_options with;
  with.segments.segment_bytes = 1 << 20;
  with.longest_queue = 100'000;
  auto log = open_threaded(disk, with);
  heard by;
  const group_id a = *log->group("a");
  CHECK(log->submit(add(a, 1, std::string(300'000, 'x')), by.as(1)).error().code == base::errc::limit);
  CHECK(log->submit(add(a, 1, std::string(100'000, 'x')), by.as(1)).error().code == base::errc::limit);
  CHECK(log->submit(add(a, 1, std::string(90'000, 'x')), by.as(1)));
  CHECK(by.wait(1)[0].second.empty());
}

TEST_CASE("an fsync that fails ends the log for all its groups") {
  memory_disk disk;
  auto log = open_threaded(disk);
  heard by;
  const group_id a = *log->group("a");
  const group_id b = *log->group("b");
  // The operations: a segment is created, gets room, is written, is synced.
  disk.plan(3, memory_disk::fault::fails);
  REQUIRE(log->submit(add(a, 1, "x"), by.as(1)));
  by.wait(1);
  REQUIRE(log->submit(add(b, 1, "x"), by.as(2)));
  for (const auto& [number, text] : by.wait(2)) CHECK(text == "the log has ended: input/output error");
  CHECK(log->report().failure);
}

TEST_CASE(
    "settle() returns when all that was submitted before is told, also if the queue takes nothing more") {
  memory_disk disk;
  log_options with;
  with.longest_queue = 4096;
  auto log = open_threaded(disk, with);
  heard by;
  const auto group = log->group("one");
  REQUIRE(group.has_value());
  int taken = 0;
  while (log->submit(set(*group, "key", "value " + std::to_string(taken)), by.as(taken)) && taken < 100)
    ++taken;
  log->settle();
  CHECK(log->value(*group, "key") == "value " + std::to_string(taken - 1));
  CHECK(by.wait(0).size() == static_cast<std::size_t>(taken));
  disk.plan(0, memory_disk::fault::fails);
  REQUIRE(log->submit(set(*group, "key", "lost"), by.as(taken)).has_value());
  log->settle();
  CHECK_FALSE(by.wait(0).back().second.empty());
}
