// SPDX-License-Identifier: MIT
// The logger: levels, rendering, and that callers never wait for the writer. A tap sees what the writer
// writes. Standard error is /dev/null meanwhile.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/log_event.hpp"
#include "base/log_sinks.hpp"
#include "quiet_stderr.hpp"

namespace coppice::base::log {
namespace {

using test::quiet_stderr;

class collector {
 public:
  collector()
      : id_(add_tap([this](const record& line) {
          const std::lock_guard lock(mutex_);
          lines_.push_back(line);
        })) {}
  ~collector() { remove_tap(id_); }
  std::vector<record> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<record> lines_;
  std::uint64_t id_;
};

} // namespace

TEST_CASE("a level is named and read back, unknown ones are not") {
  for (const level each :
       {level::trace, level::debug, level::info, level::notice, level::warning, level::error}) {
    CHECK(parse_level(level_name(each)) == each);
  }
  CHECK(parse_level("warn") == level::warning);
  CHECK_FALSE(parse_level("loud"));
  CHECK(parse_format("auto") == format::automatic);
  CHECK_FALSE(parse_format("xml"));
}

TEST_CASE("a tap that throws ends neither the writer nor the program, and what comes next is written") {
  const quiet_stderr quiet;
  struct unheard_of {};
  start({});
  for (const bool memory : {true, false}) {
    CAPTURE(memory);
    std::atomic<int> thrown = 0;
    const auto id = add_tap([&](const record&) {
      ++thrown;
      if (memory) throw std::bad_alloc();
      throw unheard_of();
    });
    warning("test", "one");
    flush();
    CHECK(thrown > 0);
    remove_tap(id);
    collector heard;
    warning("test", "another");
    flush();
    CHECK(heard.lines().size() == 1);
  }
  stop();
}

TEST_CASE("a module's own level overrides the common one until it is taken away") {
  set_level(level::warning);
  REQUIRE(set_level("dist", level::debug));
  CHECK(enabled(level::debug, "dist"));
  CHECK_FALSE(enabled(level::trace, "dist"));
  CHECK_FALSE(enabled(level::info, "net"));
  CHECK(module_levels() == std::vector<std::pair<std::string, level>>{{"dist", level::debug}});
  REQUIRE(set_level("dist", std::nullopt));
  CHECK_FALSE(enabled(level::info, "dist"));
  CHECK(module_levels().empty());
  CHECK(set_level(std::string(40, 'm'), level::debug).error().code == errc::invalid);
  set_level(level::info);
}

TEST_CASE("text escapes control characters and quotes values with spaces") {
  record line{
      0, level::warning, "dist", "name \x1b[31m", {{"peer", "a@b"}, {"why", "not now"}, {"empty", ""}}};
  CHECK(render_text(line) ==
        "1970-01-01T00:00:00.000000Z warning dist: name \\x1b[31m peer=a@b why=\"not now\" empty=\"\"");
}

TEST_CASE("the journal gets what is printable, whatever bytes the message has") {
  const record line{wall_now(), level::warning, "dist", "from \x1b[8m\xff\nof it", {{"peer", "a\x01"}}};
  const auto entries = journal_entries(line, 4);
  CHECK(entries == std::vector<std::string>{"MESSAGE=from \\x1b[8m\\xff\nof it", "PRIORITY=4",
                                            "COPPICE_MODULE=dist", "COPPICE_PEER=a\\x01"});
}

TEST_CASE("a JSON line is one object whatever bytes the message has") {
  record line{0, level::error, "dist", "quote \" line\n byte \xff", {{"peer", "a@b"}}};
  const std::string json = render_json(line);
  CHECK(json.find('\n') == std::string::npos);
  CHECK(json.starts_with(
      R"({"time":"1970-01-01T00:00:00.000000Z","level":"error","module":"dist","message":"quote \")"));
  CHECK(json.ends_with(R"("peer":"a@b"})"));
}

TEST_CASE("an event has its identity and fields in JSON, and its text alone as text") {
  const quiet_stderr quiet;
  collector seen;
  tell(events::child_ended, level::error, "supervisor", {{"child", "a/b"}}, "{} ended", "a/b");
  tell(events::connected, level::debug, "dist", {}, "below the level");
  const auto lines = seen.lines();
  REQUIRE(lines.size() == 1);
  CHECK(is_event(lines[0]));
  CHECK(render_text(lines[0]).ends_with(" error   supervisor: a/b ended"));
  CHECK(render_json(lines[0]).ends_with(
      R"("message":"a/b ended","message_id":"f8dc6c4544fd40c285bcb672bf8aab93","child":"a/b"})"));
}

TEST_CASE("what strangers repeat is written once, and the sum at the end") {
  const quiet_stderr quiet;
  start({});
  collector seen;
  for (int i = 0; i < 1000; ++i) counted(level::warning, "test", "knock", "{} knocks", i);
  counted(level::debug, "test", "below the level", "unheard");
  stop();
  const auto lines = seen.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == "0 knocks");
  CHECK(lines[1].text == "999 more like this within 10 s: 0 knocks");
}

TEST_CASE("what strangers repeat is cut as any other line is") {
  const quiet_stderr quiet;
  start({});
  collector seen;
  counted(level::warning, "test", "made", "{}", std::string(3 * most_bytes, 'x'));
  submit_counted("given", {0, level::warning, "test", std::string(3 * most_bytes, 'x'), {}});
  stop();
  const auto lines = seen.lines();
  REQUIRE(lines.size() == 2);
  for (const record& line : lines) CHECK(line.text.ends_with("x… (16384 bytes left out)"));
}

TEST_CASE("lines are written in order, with their fields, before flush returns") {
  const quiet_stderr quiet;
  start({});
  collector seen;
  for (int i = 0; i < 1000; ++i) write(level::info, "test", {{"n", std::to_string(i)}}, "line {}", i);
  debug("test", "below the level");
  flush();
  const auto lines = seen.lines();
  stop();
  REQUIRE(lines.size() == 1000);
  CHECK(lines[0].text == "line 0");
  CHECK(lines[999].fields[0].value == "999");
}

TEST_CASE("a full queue drops lines, counts them, says so, and never waits") {
  const quiet_stderr quiet;
  options chosen;
  chosen.queue = 10;
  start(chosen);
  std::mutex gate;
  std::atomic<bool> told{false};
  std::atomic<bool> inside{false};
  const std::uint64_t slow_tap = add_tap([&](const record& line) {
    if (line.text.ends_with("lines dropped: the queue was full")) told = true;
    inside = true;
    inside.notify_all();
    const std::lock_guard wait(gate);
  });
  std::unique_lock closed(gate); // only after add_tap(), which takes the lock that taps are called under
  const std::uint64_t before = dropped();
  info("test", "holds the writer");
  inside.wait(false);
  for (int i = 0; i < 100; ++i) info("test", "line {}", i);
  CHECK(dropped() - before == 90);
  closed.unlock();
  flush();
  remove_tap(slow_tap);
  stop();
  CHECK(told);
}

TEST_CASE("many threads may log at once") {
  const quiet_stderr quiet;
  start({});
  collector seen;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) info("test", "line {}", i);
    });
  }
  for (std::thread& each : threads) each.join();
  stop();
  CHECK(seen.lines().size() == 2000);
}

TEST_CASE("without a writer lines are written by the caller") {
  const quiet_stderr quiet;
  collector seen;
  warning("test", "early");
  CHECK(seen.lines().size() == 1);
}

TEST_CASE("a record is cut where it is too long, at a whole character, and says how much is missing") {
  const quiet_stderr quiet;
  collector seen;
  const std::string text(most_bytes - 1, 'x');
  info("test", "{}", text);
  info("test", "{}ü and {} more", text, std::string(1'000'000, 'y'));
  write(level::info, "test", {{"first", "short"}, {"last", std::string(3 * most_bytes, 'z')}}, "{}", "text");
  submit({0, level::info, "test", std::string(3 * most_bytes, 'x'), {{std::string(1000, 'n'), "value"}}});
  const auto lines = seen.lines();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].text == text);
  CHECK(lines[1].text == text + "… (1000012 bytes left out)");
  CHECK(lines[2].fields[0].value == "short");
  CHECK(lines[2].fields[1].value.starts_with("zzz"));
  CHECK(lines[2].fields[1].value.ends_with("z… (16393 bytes left out)"));
  CHECK(lines[3].text.ends_with("x… (16389 bytes left out)"));
  CHECK(lines[3].fields[0].name.size() < 100);
  CHECK(lines[3].fields[0].value == "value");
}

TEST_CASE("a long text is cut, and the fields behind it stay whole") {
  const quiet_stderr quiet;
  collector seen;
  const std::string text(2 * most_bytes, 'x');
  write(level::info, "test",
        {{"pid", "<0.1.2>"}, {"reason", std::string(3 * most_bytes, 'r')}, {"path", "a/b"}}, "{}", text);
  tell(events::child_ended, level::info, "test", {{"child", "kv"}}, "{}", text);
  const auto lines = seen.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text.ends_with("x… (12293 bytes left out)")); // half of what the short values leave
  CHECK(lines[0].fields[0].value == "<0.1.2>");
  CHECK(lines[0].fields[1].value.ends_with("r… (20485 bytes left out)"));
  CHECK(lines[0].fields[2].value == "a/b");
  CHECK(is_event(lines[1]));
  CHECK(lines[1].fields[0].value == events::child_ended.id);
  CHECK(lines[1].fields[1].value == "kv");
  CHECK(lines[1].text.ends_with("x… (8226 bytes left out)"));
}

} // namespace coppice::base::log
