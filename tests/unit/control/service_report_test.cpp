// SPDX-License-Identifier: MIT
// What the service manager is told about a series of snapshots that the test makes.
#include "control/service_report.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "control/health.hpp"

using namespace coppice;
using namespace std::chrono_literals;
using control::service_report;
using control::status_line;
using node::node_state;

namespace {

constexpr base::nanos second = base::nanos_per_second;

node::node_status status(node_state state, std::initializer_list<std::string_view> applications) {
  node::node_status out;
  out.name = "n@h";
  out.state = state;
  for (const std::string_view one : applications) {
    const std::string name(1, static_cast<char>('a' + out.applications.size()));
    out.applications.push_back({name, "permanent", std::string(one), "", {}, 1});
  }
  return out;
}

void hold_worker(node::node_status& of, base::nanos time) {
  runtime::worker_info worker;
  worker.held = time;
  of.runtime.workers.push_back(worker);
}

bool has(std::string_view lines, std::string_view line) {
  return ("\n" + std::string(lines)).find("\n" + std::string(line) + "\n") != std::string::npos;
}

// The next report, which counts as taken.
std::string look(service_report& at, const node::node_status& now, base::nanos when) {
  std::string out = at.next(now, when);
  at.taken();
  return out;
}

} // namespace

TEST_CASE("the status line counts what runs of how many, and what was switched off by hand") {
  auto now = status(node_state::running, {"running", "stopped"});
  CHECK(status_line(now) == "running: 1 of 2 applications");
  now.off = {{"listener", "a/b"}, {"job", "c"}};
  CHECK(status_line(now) == "running: 1 of 2 applications, 2 switched off by hand");
  now.on_disk.is = node::configuration_on_disk::verdict::refused;
  CHECK(status_line(now).ends_with(", the configuration on disk would be refused"));
}

TEST_CASE("it is ready once every application has started, and says so once") {
  service_report report(0);
  std::string said = look(report, status(node_state::starting, {"running", "starting", "waiting"}), second);
  CHECK(has(said, "STATUS=starting: 1 of 3 applications run, b is starting"));
  CHECK_FALSE(has(said, "READY=1"));
  said = look(report, status(node_state::running, {"running", "running", "running"}), 2 * second);
  CHECK(said == "READY=1\nSTATUS=running: 3 applications\n");
  CHECK(look(report, status(node_state::running, {"running", "running", "running"}), 9 * second).empty());
}

TEST_CASE("an application that did not start is named, and when it has started after all the node is ready") {
  service_report report(0);
  node::node_status now = status(node_state::running, {"running", "failed"});
  now.applications[1].reason = "no_port";
  CHECK(look(report, now, second) == "STATUS=not ready: application b failed: no_port\n");
  CHECK(has(look(report, status(node_state::running, {"running", "running"}), 2 * second), "READY=1"));
}

TEST_CASE("no term of a reason and no value of a file is in the status, which every user may read") {
  node::node_status now = status(node_state::running, {"running", "failed"});
  now.applications[1].reason = "{bad_args, <<\"hunter2\">>}";
  now.last_apply = "apply refused: /etc/node.yaml:7:3: expected a number and not 'hunter2', and 1 more";
  now.last_reload = "reload refused: kv: {bad_state, \"hunter2\"}";
  CHECK(status_line(now) ==
        "not ready: application b failed: {bad_args, …}; apply refused: /etc/node.yaml:7:3; "
        "reload refused: kv: {bad_state, …}");
}

TEST_CASE("a reload is said while it goes on, and the end with what came of it") {
  service_report report(0);
  look(report, status(node_state::running, {"running"}), second);
  CHECK(look(report, status(node_state::reloading, {"running"}), 2 * second) ==
        "RELOADING=1\nMONOTONIC_USEC=2000000\nSTATUS=reloading\nEXTEND_TIMEOUT_USEC=20000000\n");
  node::node_status now = status(node_state::running, {"running"});
  now.last_apply = "apply: 1 change";
  now.last_reload = "reload: kv";
  CHECK(look(report, now, 3 * second) ==
        "READY=1\nSTATUS=running: 1 application; apply: 1 change; reload: kv\n");
}

TEST_CASE("a reload of a node that is not ready makes it not ready") {
  service_report report(0);
  look(report, status(node_state::running, {"failed"}), second);
  CHECK_FALSE(has(look(report, status(node_state::reloading, {"failed"}), 2 * second), "RELOADING=1"));
  CHECK_FALSE(has(look(report, status(node_state::running, {"failed"}), 3 * second), "READY=1"));
}

TEST_CASE("more time is asked for each second while children start or stop") {
  service_report report(0);
  const auto asks = [&](const node::node_status& now, base::nanos at) {
    return has(look(report, now, at), "EXTEND_TIMEOUT_USEC=20000000");
  };
  const auto starting = status(node_state::starting, {"starting"});
  CHECK(asks(starting, second));
  CHECK_FALSE(asks(starting, second + second / 2));
  CHECK(asks(starting, 2 * second));
  CHECK_FALSE(asks(status(node_state::running, {"running"}), 9 * second));
  node::node_status stopping = status(node_state::stopping, {"running", "stopping"});
  CHECK(asks(stopping, 10 * second));
  hold_worker(stopping, 11 * second);
  CHECK_FALSE(asks(stopping, 20 * second));
}

TEST_CASE(
    "the watchdog is fed as often as it wants while the workers make progress, and by a stop in any case") {
  service_report report(8 * second);
  const auto feeds = [&](const node::node_status& now, base::nanos at) {
    return has(look(report, now, at), "WATCHDOG=1");
  };
  node::node_status now = status(node_state::running, {"running"});
  CHECK(feeds(now, second));
  CHECK_FALSE(feeds(now, second + second / 2));
  CHECK(feeds(now, 2 * second));
  hold_worker(now, control::stuck_after + second);
  CHECK_FALSE(feeds(now, 4 * second));
  CHECK(status_line(now) == "running: 1 application; worker 0 makes no progress");
  now.state = node_state::stopping;
  CHECK(feeds(now, 6 * second));
  CHECK(report.pause(now) == 100ms);
  CHECK(report.pause(status(node_state::running, {"running"})) == 2s);
  CHECK(service_report(second / 10).pause(now) == 25ms);
}

TEST_CASE("no watchdog is none that is fed") {
  service_report report(0);
  CHECK_FALSE(has(look(report, status(node_state::running, {"running"}), second), "WATCHDOG=1"));
}

TEST_CASE("what was not taken is said again") {
  service_report report(second);
  const auto now = status(node_state::running, {"running"});
  const std::string first = report.next(now, second);
  CHECK(report.next(now, second) == first);
  report.taken();
  CHECK(report.next(now, second).empty());
}

TEST_CASE("a stop says what is being stopped") {
  service_report report(0);
  const std::string said = look(report, status(node_state::stopping, {"running", "stopping"}), second);
  CHECK(has(said, "STOPPING=1"));
  CHECK(has(said, "STATUS=stopping: b"));
  CHECK(look(report, status(node_state::stopping, {"stopped", "stopped"}), second) ==
        "STATUS=stopping: connections and workers\n");
}

TEST_CASE("a status is one line of bounded length, whatever a reason holds") {
  node::node_status now = status(node_state::running, {"failed"});
  now.applications[0].reason = "one\ntwo" + std::string(10'000, 'x');
  const std::string line = status_line(now);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(line.size() < 510);
}
