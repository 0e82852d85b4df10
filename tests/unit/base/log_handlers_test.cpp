// SPDX-License-Identifier: MIT
// Handlers of the log: which lines each gets, what its queue drops and reports, lines about the handler
// itself, and what a syslog server receives over UDP.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/log_queue.hpp"
#include "base/log_ring.hpp"
#include "base/log_settings.hpp"
#include "base/log_syslog.hpp"
#include "quiet_stderr.hpp"

namespace coppice::base::log {
namespace {

constexpr std::size_t much = std::size_t{1} << 20;

record line_of(std::string text, std::vector<field> fields = {}) {
  return {0, level::info, "test", std::move(text), std::move(fields)};
}

std::vector<std::string> texts(const std::vector<record>& lines) {
  std::vector<std::string> out;
  for (const record& one : lines) out.push_back(one.text);
  return out;
}

void put_five(log_queue& to) {
  for (const char* text : {"1", "2", "3", "4", "5"}) to.put(line_of(text));
}

using strings = std::vector<std::string>;

// A socket of this machine that receives datagrams.
class udp_server {
 public:
  udp_server() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    REQUIRE(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), size) == 0);
    REQUIRE(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    const timeval patience{30, 0};
    REQUIRE(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  // From now on it receives datagrams from another port only. All others are refused, as if no socket had
  // this port.
  void refuse() {
    sockaddr_in other{};
    other.sin_family = AF_INET;
    other.sin_port = htons(1);
    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket_.get(), reinterpret_cast<const sockaddr*>(&other), sizeof(other)) == 0);
  }
  std::string receive() {
    std::array<char, 65536> bytes{};
    const ssize_t size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    return size < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(size));
  }

  std::string address;

 private:
  unique_fd socket_;
};

// The settings stay in force for later tests in this program, and these tests log many lines.
settings unlimited() {
  settings out;
  out.rate.per_second = 0;
  return out;
}

} // namespace

TEST_CASE("a queue that is full drops old lines or new ones, and says in their place how many") {
  log_queue old_ones(3, queue_full::drop_old);
  put_five(old_ones);
  CHECK(texts(old_ones.take(10, much)) ==
        strings{"2 lines are missing here: the queue of this handler was full", "3", "4", "5"});
  log_queue new_ones(3, queue_full::drop_new);
  put_five(new_ones);
  CHECK(texts(new_ones.take(2, much)) == strings{"1", "2"});
  CHECK(texts(new_ones.take(2, much)) ==
        strings{"3", "2 lines are missing here: the queue of this handler was full"});
  for (log_queue* one : {&old_ones, &new_ones}) {
    CHECK(one->dropped() == 2);
    CHECK(one->take(10, much).empty());
    one->put(line_of("6"));
    CHECK(texts(one->take(10, much)) == strings{"6"});
  }
}

TEST_CASE("a queue has a bound in bytes, too, and a batch has one of its own but for its first line") {
  log_queue queue(1'000'000, queue_full::drop_old);
  const record large = line_of(std::string(8000, 'x'));
  const std::size_t fit = log_queue::most_bytes_waiting / cost(large);
  for (std::size_t i = 0; i < fit + 10; ++i) queue.put(large);
  CHECK(queue.dropped() == 10);
  CHECK(queue.take(10, 1).size() == 2); // a line that counts the missing ones, and one line
  CHECK(queue.take(10, 1).size() == 1);
  CHECK(queue.take(10, 3 * cost(large)).size() == 3);
}

TEST_CASE("lines about a process and those that it causes are left out, those that wait already too") {
  log_queue queue(100, queue_full::drop_new);
  record caused = line_of("caused");
  caused.caused_by = {"<0.9.0>", "<0.7.1>"};
  const std::vector<record> own{line_of("by pid", {{"pid", "<0.7.1>"}}), line_of("<0.7.1> ears is slow"),
                                line_of("it is (<0.7.1>)"), caused,
                                line_of("a child", {{"child", "<0.7.1>"}})};
  for (const record& one : own) queue.put(one);
  queue.put(line_of("of <0.7.11>"));
  queue.leave_out("<0.7.1>");
  for (const record& one : own) queue.put(one);
  queue.put(line_of("another", {{"pid", "<0.8.1>"}, {"reason", "<0.7.1>"}}));
  queue.leave_out("log/ears");
  queue.put(line_of("log/ears: lines dropped"));
  queue.put(line_of("log/ears2: lines dropped"));
  CHECK(texts(queue.take(100, much)) == strings{"of <0.7.11>", "another", "log/ears2: lines dropped"});
  CHECK(queue.dropped() == 0);
}

TEST_CASE("a queue wakes its reader for the first line that waits, and for no other") {
  log_queue queue(100, queue_full::drop_old);
  int woken = 0;
  queue.wake_by([&woken] { ++woken; });
  put_five(queue);
  CHECK(woken == 1);
  (void)queue.take(4, much);
  queue.put(line_of("6"));
  CHECK(woken == 1);
  (void)queue.take(100, much);
  queue.put(line_of("7"));
  CHECK(woken == 2);
  queue.wake_by({});
  (void)queue.take(100, much);
  queue.put(line_of("8"));
  CHECK(woken == 2);
}

TEST_CASE("a queue that is closed gives what waits and then nothing, and ends a pause") {
  log_queue queue(100, queue_full::drop_old);
  queue.put(line_of("last"));
  queue.close();
  CHECK(queue.wait_and_take(10, much).size() == 1);
  CHECK(queue.wait_and_take(10, much).empty());
  CHECK_FALSE(queue.pause(3600 * nanos_per_second));
}

TEST_CASE("each handler gets the lines of its level, modules have levels of their own, and drops are told") {
  const test::quiet_stderr quiet;
  start({});
  settings chosen = unlimited();
  chosen.handlers.resize(2);
  chosen.handlers[0].name = "all";
  chosen.handlers[0].level = level::trace;
  chosen.handlers[0].modules = {{"loud", level::error}};
  chosen.handlers[1].name = "few";
  chosen.handlers[1].level = level::warning;
  chosen.handlers[1].limit = 2;
  REQUIRE(use(chosen));
  info("test", "an info");
  warning("loud", "too loud");
  for (const char* text : {"1", "2", "3"}) warning("test", "{}", text);
  flush();
  CHECK(handler_queue("none") == nullptr);
  CHECK(texts(handler_queue("few")->take(10, much)) ==
        strings{"2 lines are missing here: the queue of this handler was full", "2", "3"});
  strings all = texts(handler_queue("all")->take(10, much));
  CHECK(std::erase_if(all, [](const std::string& one) {
          return one.starts_with("log/few: ") && one.ends_with(" lines dropped: its queue was full");
        }) >= 1);
  CHECK(all == strings{"an info", "1", "2", "3"});
  warning("test", "4");
  flush();
  const std::vector<handler_report> reports = handler_reports();
  REQUIRE(reports.size() == 2);
  CHECK((reports[0].target == chosen.handlers[0] && reports[1].target == chosen.handlers[1]));
  CHECK((reports[0].dropped == 0 && reports[1].dropped == 2));
  CHECK(reports[1].waiting == 1);
  CHECK(reports[0].failing == "");
  CHECK(texts(handler_queue("few")->take(10, much)) == strings{"4"});

  const auto before = handler_queue("few");
  std::swap(chosen.handlers[0], chosen.handlers[1]);
  chosen.handlers[0].level = level::error;
  chosen.handlers[1].syslog = "127.0.0.1:9";
  REQUIRE(use(chosen));
  CHECK(handler_queue("few") == before);
  CHECK(handler_queue("all") == nullptr); // a handler for a syslog server has no queue of its own
  warning("test", "not severe enough");
  flush();
  CHECK(before->empty());
  REQUIRE(use(unlimited()));
  CHECK(handler_queue("few") == nullptr);
  stop();
}

TEST_CASE("a line has the processes that cause it, as the one that is asked for them says") {
  const test::quiet_stderr quiet;
  start({});
  settings chosen = unlimited();
  chosen.handlers.resize(1);
  chosen.handlers[0].name = "ears";
  REQUIRE(use(chosen));
  handler_queue("ears")->leave_out("<0.5.0>");
  set_cause([] { return std::vector<std::string>{"<0.4.0>", "<0.5.0>"}; });
  info("test", "caused");
  set_cause(nullptr);
  info("test", "not caused");
  flush();
  CHECK(texts(handler_queue("ears")->take(10, much)) == strings{"not caused"});
  REQUIRE(use(unlimited()));
  stop();
}

TEST_CASE("a line for syslog is as RFC 5424 has it, whatever is in it") {
  CHECK(render_syslog(line_of("a line"), "host", 7) ==
        "<30>1 1970-01-01T00:00:00.000000Z host coppiced 7 test - a line");
  const record odd{0,
                   level::error,
                   "a module whose name is too long for it",
                   "two\nlines \x1b[31m",
                   {{"pid", "<0.1.0>"}, {"odd =]\"name", "a \"quoted\\]\" \x01"}}};
  CHECK(render_syslog(odd, "", 7) ==
        "<27>1 1970-01-01T00:00:00.000000Z - coppiced 7 a_module_whose_name_is_too_long_ "
        "[coppice@32473 pid=\"<0.1.0>\" odd____name=\"a \\\"quoted\\\\\\]\\\" \\\\x01\"] "
        "two\\x0alines \\x1b[31m");
  const std::string long_one = render_syslog(line_of(std::string(70'000, 'x') + "\xc3\xa9"), "h", 7);
  CHECK(long_one.size() == 60'000);
  CHECK(syslog_severity(level::trace) == 7);
  CHECK(syslog_severity(level::debug) == 7);
  CHECK(syslog_severity(level::notice) == 5);
  CHECK(syslog_severity(level::warning) == 4);
}

TEST_CASE("a syslog server gets each line as a datagram, in order, those that wait at the end too") {
  udp_server server;
  const auto queue = std::make_shared<log_queue>(1000, queue_full::drop_old);
  put_five(*queue);
  {
    const syslog_sender sender("log/far", server.address, queue);
    queue->put(line_of("6"));
  }
  for (const char* text : {"1", "2", "3", "4", "5", "6"}) {
    const std::string got = server.receive();
    CHECK_MESSAGE(got.ends_with(std::string(" test - ") + text), got);
    CHECK(got.starts_with("<30>1 "));
  }
}

TEST_CASE("lines that nobody takes at the syslog server's port are counted") {
  const test::quiet_stderr quiet;
  udp_server server;
  server.refuse();
  const auto queue = std::make_shared<log_queue>(1000, queue_full::drop_old);
  const syslog_sender sender("log/far", server.address, queue);
  while (sender.lost() == 0) {
    queue->put(line_of("into the void"));
    std::this_thread::yield();
  }
  CHECK(queue->failing().starts_with("the syslog server " + server.address + " cannot be reached: "));
}

} // namespace coppice::base::log
