// SPDX-License-Identifier: MIT
// Tests of the durable log as processes use it: the news that the owner of a writer gets after a success and
// after a failure, and that its writes are kept when the owner ends.
#include "behaviours/journal/journal.hpp"

#include <doctest/doctest.h>

#include <mutex>

#include "behaviours/journal/journal_writer.hpp"
#include "durable/memory_disk.hpp"
#include "test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;

namespace {

durable::set_value value(std::string what) {
  return {"key", std::move(what)};
}

// A process that writes the number that it is called with to the log. For the writer's news it notes
// "written N" or "failed N: WHY" in the book, and "no news" for any other message.
class writing_process final : public native_server {
 public:
  writing_process(diary& book, durable::shared_log& log, durable::group_id group)
      : native_server("writing"), book_(book), log_(log), group_(group) {}

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    writer_.emplace(log_, self.host(), self.self(), group_);
    return runtime::carry_on();
  }
  call_answer handle_call(runtime::process&, const runtime::message&,
                          const runtime::message& request) override {
    etf::cursor at(request.bytes());
    std::uint64_t number = 0;
    CHECK(at.read_unsigned(number));
    const auto how = writer_->write({value("v" + std::to_string(number))}, number);
    return reply(runtime::message::atom(how ? "ok" : "refused"));
  }
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    if (!journal_writer::is_news(self, m)) {
      book_.write("no news");
      return runtime::carry_on();
    }
    const auto news = writer_->take();
    if (news.failure)
      book_.write("failed " + std::to_string(news.failure->number) + ": " + news.failure->why.text);
    else
      book_.write("written " + std::to_string(news.written));
    return runtime::carry_on();
  }

 private:
  diary& book_;
  durable::shared_log& log_;
  const durable::group_id group_;
  std::optional<journal_writer> writer_;
};

runtime::pid start_writing(test_host& host, journal& in, durable::group_id group) {
  runtime::spawn_options options;
  options.name = "writing";
  const auto made =
      host.system.spawn(std::move(options), std::make_unique<writing_process>(host.book, *in.log(), group));
  REQUIRE(made.has_value());
  return *made;
}

} // namespace

TEST_CASE("the owner of a writer is told what is on the disk") {
  memory_disk disk;
  journal log("/log", disk);
  REQUIRE(log.open().has_value());
  const auto group = log.log()->group("one");
  REQUIRE(group.has_value());
  test_host host;
  const auto writing = start_writing(host, log, *group);
  CHECK(host.call(writing, "1") == "ok");
  CHECK(host.book.take(1) == std::vector<std::string>{"written 1"});
  CHECK(log.log()->value(*group, "key") == "v1");
  CHECK(host.call(writing, "7") == "ok");
  CHECK(host.book.take(1) == std::vector<std::string>{"written 7"});
  CHECK(log.log()->value(*group, "key") == "v7");
}

TEST_CASE("only the log can send news") {
  memory_disk disk;
  journal log("/log", disk);
  REQUIRE(log.open().has_value());
  test_host host;
  const auto writing = start_writing(host, log, *log.log()->group("one"));
  host.system.send(writing, runtime::message::atom("$coppice_journal"));
  CHECK(host.book.take(1) == std::vector<std::string>{"no news"});
}

TEST_CASE("the first failed write is told, and stays the news") {
  memory_disk disk;
  journal log("/log", disk);
  REQUIRE(log.open().has_value());
  test_host host;
  const auto writing = start_writing(host, log, *log.log()->group("one"));
  disk.plan(0, memory_disk::fault::fails);
  CHECK(host.call(writing, "1") == "ok");
  const auto first = host.book.take(1);
  REQUIRE(first.size() == 1);
  CHECK(first[0].starts_with("failed 1: "));
  CHECK(host.call(writing, "2") == "ok");
  CHECK(host.book.take(1) == first);
  const auto report = log.report();
  CHECK(report.is_open);
  CHECK(report.folder == "/log");
  REQUIRE(report.failure.has_value());
  CHECK(first[0] == "failed 1: " + report.failure->text);
}

TEST_CASE("what a process has written before its end is on the disk once the log is closed") {
  memory_disk disk;
  std::mutex gate;
  journal log("/log", disk);
  REQUIRE(log.open().has_value());
  const auto group = log.log()->group("one");
  REQUIRE(group.has_value());
  {
    test_host host;
    const auto writing = start_writing(host, log, *group);
    CHECK(host.call(writing, "1") == "ok");
    CHECK(host.book.take(1).size() == 1);
    disk.before_sync = [&gate] { const std::scoped_lock held(gate); };
    gate.lock();
    CHECK(host.call(writing, "2") == "ok");
    host.system.exit(writing, runtime::message::atom("kill"));
    CHECK(host.end_of(writing) != "?");
    gate.unlock();
  }
  log.close();
  CHECK(log.log() == nullptr);
  journal again("/log", disk);
  again.open_existing();
  REQUIRE(again.log() != nullptr);
  CHECK(again.log()->value(*again.log()->group("one"), "key") == "v2");
}

TEST_CASE("a log that cannot be opened says why, each time, and none is made where nobody needs one") {
  memory_disk disk;
  journal unused("/log", disk);
  unused.open_existing();
  CHECK(unused.log() == nullptr);
  CHECK_FALSE(unused.report().failure.has_value());

  journal first("/log", disk);
  REQUIRE(first.open().has_value());
  REQUIRE(first.open().has_value());
  journal second("/log", disk);
  second.open_existing();
  CHECK(second.log() == nullptr);
  const auto how = second.open();
  REQUIRE_FALSE(how.has_value());
  CHECK(how.error().code == base::errc::refused);
  REQUIRE(second.report().failure.has_value());
  CHECK(second.report().failure->text == how.error().text);
  CHECK_FALSE(second.report().is_open);
}
