// SPDX-License-Identifier: MIT
// The last lines of the log, which are kept in memory. Without a writer thread the caller delivers a line, so
// all happens in order. Standard error is /dev/null meanwhile.
#include "base/log_ring.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "quiet_stderr.hpp"

namespace coppice::base::log {
namespace {

constexpr std::size_t plenty = 1 << 20;

using test::quiet_stderr;

std::vector<std::string> texts(const log_ring::page& of) {
  std::vector<std::string> all;
  for (const auto& one : of.lines) all.push_back(one.of.text);
  return all;
}

void say(int count) {
  for (int i = 1; i <= count; ++i) info("test", "line {}", i);
}

} // namespace

TEST_CASE("the last lines are there with their numbers, and a reader goes on where he was") {
  const quiet_stderr quiet;
  log_ring ring;
  say(5);
  const auto page = ring.last(2, {}, plenty);
  CHECK(texts(page) == std::vector<std::string>{"line 4", "line 5"});
  CHECK(page.lines[0].number == 4);
  CHECK_FALSE(page.more);
  CHECK(page.missed == 0);
  info("test", "line 6");
  CHECK(texts(ring.from(page.next, {}, plenty)) == std::vector<std::string>{"line 6"});
  CHECK(ring.last(0, {}, plenty).next == 7);
  CHECK(texts(ring.last(1'000'000, {}, plenty)).size() == 6);
  CHECK(ring.from(1'000'000, {}, plenty).lines.empty());
}

TEST_CASE("what is too much goes, oldest first, and who comes late is told how much he missed") {
  const quiet_stderr quiet;
  log_ring ring(10'000);
  say(1000);
  const auto all = ring.from(1, {}, plenty);
  REQUIRE(all.lines.size() > 10);
  CHECK(all.lines.size() < 200);
  CHECK(all.missed == 1000 - all.lines.size());
  CHECK(all.lines.back().of.text == "line 1000");
  CHECK(all.lines.front().number == all.missed + 1);
}

TEST_CASE("a single line beyond the bound is kept as the only one") {
  const quiet_stderr quiet;
  log_ring ring(1000);
  say(3);
  info("test", "{}", std::string(5000, 'x'));
  CHECK(ring.from(1, {}, plenty).lines.size() == 1);
}

TEST_CASE("a page is as large as asked for, and says that there is more") {
  const quiet_stderr quiet;
  log_ring ring;
  for (int i = 0; i < 100; ++i) info("test", "{}", std::string(1000, 'x'));
  std::size_t seen = 0;
  std::uint64_t next = 1;
  for (bool more = true; more;) {
    const auto page = ring.from(next, {}, 10'000);
    CHECK(page.lines.size() < 10);
    REQUIRE_FALSE(page.lines.empty());
    seen += page.lines.size();
    next = page.next;
    more = page.more;
  }
  CHECK(seen == 100);
  CHECK(ring.from(1, {}, 0).lines.size() == 1);
}

TEST_CASE("lines are chosen by level, module and process") {
  const quiet_stderr quiet;
  log_ring ring;
  info("dist", "a");
  warning("net", "b");
  write(level::info, "kv", {{"pid", "<0.7.0>"}, {"name", "store"}}, "c");
  write(level::error, "supervisor", {{"child", "app/kv"}, {"reason", "store"}}, "d");
  CHECK(texts(ring.last(9, {level::warning, "", ""}, plenty)) == std::vector<std::string>{"b", "d"});
  CHECK(texts(ring.last(9, {level::trace, "dist", ""}, plenty)) == std::vector<std::string>{"a"});
  CHECK(texts(ring.last(9, {level::trace, "", "store"}, plenty)) == std::vector<std::string>{"c"});
  CHECK(texts(ring.last(9, {level::trace, "", "<0.7.0>"}, plenty)) == std::vector<std::string>{"c"});
  CHECK(texts(ring.last(9, {level::trace, "", "app/kv"}, plenty)) == std::vector<std::string>{"d"});
  CHECK(texts(ring.last(1, {level::trace, "dist", ""}, plenty)) == std::vector<std::string>{"a"});
}

TEST_CASE("who waits is called once for the first line he wants, or at once") {
  const quiet_stderr quiet;
  log_ring ring;
  int called = 0;
  const auto id = ring.when_line(1, {level::warning, "", ""}, [&called] { ++called; });
  REQUIRE(id);
  CHECK(*id != 0);
  info("test", "not wanted");
  CHECK(called == 0);
  warning("test", "wanted");
  warning("test", "wanted again");
  CHECK(called == 1);
  CHECK(*ring.when_line(1, {level::warning, "", ""}, [&called] { ++called; }) == 0);
  CHECK(called == 2);
}

TEST_CASE("who is forgotten is not called, and how many may wait is bounded") {
  const quiet_stderr quiet;
  log_ring ring;
  int called = 0;
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < log_ring::most_waiting; ++i)
    ids.push_back(ring.when_line(1, {}, [&called] { ++called; }).value());
  CHECK(ring.when_line(1, {}, [] {}).error().code == errc::limit);
  ring.forget(ids[0]);
  CHECK(ring.when_line(1, {}, [&called] { ++called; }));
  for (std::size_t i = 1; i < ids.size(); ++i) ring.forget(ids[i]);
  info("test", "line");
  CHECK(called == 1);
}

TEST_CASE("lines may come while others read, wait and leave") {
  const quiet_stderr quiet;
  start({});
  {
    log_ring ring(100'000);
    std::atomic<bool> done = false;
    std::atomic<int> called = 0;
    std::thread reader([&] {
      for (std::uint64_t next = 1; !done;) {
        next = ring.from(next, {}, 10'000).next;
        const auto id = ring.when_line(next, {}, [&called] { ++called; });
        if (id && *id != 0) ring.forget(*id);
      }
    });
    for (int i = 0; i < 20'000; ++i) info("test", "line {}", i);
    flush();
    done = true;
    reader.join();
    CHECK(texts(ring.last(1, {}, plenty)).size() == 1);
  }
  stop();
}

} // namespace coppice::base::log
