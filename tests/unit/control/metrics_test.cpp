// SPDX-License-Identifier: MIT
// Metrics and health for snapshots that the test makes: the exact text where it is short, and the bounds.
#include "control/metrics.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "control/health.hpp"
#include "metrics/rows.hpp"

namespace coppice::control {
namespace {

using format = exposition::format;

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

node::node_status running() {
  node::node_status status;
  status.name = "n@h";
  status.state = node::node_state::running;
  status.applications.push_back({"demo", "permanent", "running", "", {}, 1});
  return status;
}

} // namespace

TEST_CASE("parked children have series up to a bound, and what is on the board follows") {
  metrics::board counted;
  counted.declare([](exposition& to) { to.gauge("beside", "What a part of the node has", 7); });
  metrics_source from;
  from.status = running();
  for (std::size_t i = 0; i < metrics::most_rows + 5; ++i)
    from.given_up.push_back("demo/c" + std::to_string(i));
  from.status.given_up = from.given_up.size();
  const std::string text = metrics_text(from, counted, format::prometheus);
  CHECK(count(text, "\ncoppice_child_parked{") == metrics::most_rows);
  CHECK(count(text, "\ncoppice_children_parked 1005\n") == 1);
  const std::size_t beside = text.find("\ncoppice_beside 7\n");
  CHECK(beside > text.find("\ncoppice_child_parked{"));
  CHECK(beside < text.find("\n# HELP coppice_http_connections "));
}

TEST_CASE("classes of actors have their processor time by message, and histograms of sampled messages") {
  metrics_source from;
  from.status = running();
  runtime::class_work one;
  one.plugin = "kv";
  one.actor = "store";
  one.ran[static_cast<std::size_t>(runtime::work_kind::call)] = 1'500'000'000;
  one.handled.at_or_below.fill(3);
  one.handled.at_or_below.front() = 1;
  one.handled.sum = 2'000'000;
  for (std::size_t i = 0; i < metrics::most_rows + 5; ++i) from.work.push_back(one);
  const std::string text = metrics_text(from, metrics::board(), format::prometheus);
  CHECK(
      count(text, "\ncoppice_actor_cpu_seconds_total{plugin=\"kv\",actor=\"store\",message=\"call\"} 1.5") ==
      metrics::most_rows);
  CHECK(count(text, "\ncoppice_handler_seconds_bucket{plugin=\"kv\",actor=\"store\",le=\"+Inf\"} 3\n") ==
        metrics::most_rows);
  CHECK(count(text, "\ncoppice_handler_seconds_sum{plugin=\"kv\",actor=\"store\"} 0.002") ==
        metrics::most_rows);
  CHECK(count(text, "\ncoppice_mailbox_wait_seconds_count{plugin=\"kv\",actor=\"store\"} 0\n") ==
        metrics::most_rows);
  CHECK(
      text.find("# HELP coppice_handler_seconds Time from the beginning of a handler to its return, with the "
                "time that it waits. Counts only the messages of a sample of turns, not all\n") !=
      std::string::npos);
}

TEST_CASE("a node lives while its workers sleep or are held for less than the bound") {
  node::node_status status = running();
  status.runtime.workers.resize(3);
  status.runtime.workers[1].index = 1;
  status.runtime.workers[1].held = stuck_after;
  CHECK(lives(status).empty());
  status.runtime.workers[1].held = stuck_after + 1;
  const auto why = lives(status);
  REQUIRE(why.size() == 1);
  CHECK(why[0].what == "worker");
  CHECK(why[0].name == "1");
}

TEST_CASE("a node is ready when it runs, its applications are up and nothing is parked") {
  node::node_status status = running();
  CHECK(ready(status, {}).empty());
  status.state = node::node_state::reloading;
  CHECK(ready(status, {}).empty());
  for (const auto state : {node::node_state::starting, node::node_state::stopping}) {
    status.state = state;
    REQUIRE(ready(status, {}).size() == 1);
    CHECK(ready(status, {})[0].what == "node");
  }
  status.state = node::node_state::running;
  for (const char* state : {"waiting", "starting", "stopping", "stopped", "failed"}) {
    status.applications[0].state = state;
    status.applications[0].reason = "shutdown";
    CAPTURE(state);
    REQUIRE(ready(status, {}).size() == 1);
    CHECK(ready(status, {})[0].name == "demo");
  }
  status.applications[0].state = "stopped";
  status.applications[0].reason = "normal";
  CHECK(ready(status, {}).empty());
  const auto given_up = ready(status, {"demo/inner/a", "demo/b"});
  REQUIRE(given_up.size() == 2);
  CHECK(given_up[0].what == "child");
  CHECK(given_up[0].name == "demo/inner/a");
}

TEST_CASE("what keeps a node from having started is named") {
  using node::node_state;
  struct application {
    const char* name;
    const char* state;
    const char* reason = "";
  };
  const struct {
    node_state state;
    std::vector<application> applications;
    const char* says;
  } cases[] = {
      {node_state::starting,
       {{"a", "running"}, {"b", "starting"}, {"c", "waiting"}},
       "starting: application b"},
      {node_state::starting,
       {{"a", "failed", "oops"}, {"b", "starting"}},
       "starting: application a failed: oops, application b"},
      {node_state::starting, {{"a", "running"}}, "starting"},
      {node_state::running,
       {{"a", "failed", "oops"}, {"b", "running"}},
       "not ready: application a failed: oops"},
      {node_state::running, {{"a", "starting"}}, "not ready: application a is starting"},
      {node_state::running, {{"a", "stopped", "shutdown"}, {"b", "running"}}, ""},
      {node_state::reloading, {{"a", "running"}}, ""},
      {node_state::stopping, {{"a", "running"}}, "stopping"},
  };
  for (const auto& one : cases) {
    node::node_status status;
    status.state = one.state;
    for (const application& each : one.applications) {
      node::application_status& row = status.applications.emplace_back();
      row.name = each.name;
      row.state = each.state;
      row.reason = each.reason;
    }
    CAPTURE(one.says);
    CHECK(not_started(status) == one.says);
  }
}

TEST_CASE("what is complained of is said as JSON") {
  CHECK(health_document(running(), {}).dump() ==
        R"({"complaints":[],"state":"running","status":"ok","warnings":[]})");
  CHECK(
      health_document(running(), {{"child", "a/b", "parked", "coppice restart a/b"}}).dump() ==
      R"({"complaints":[{"help":"coppice restart a/b","name":"a/b","what":"child","why":"parked"}],"state":"running","status":"unavailable","warnings":[]})");
}

TEST_CASE("what was switched off by hand, and files that say something else, are warnings and samples") {
  auto status = running();
  status.off = {{"listener", "a/l"}, {"child", "a/c"}, {"job", "j"}};
  status.on_disk = {node::configuration_on_disk::verdict::refused, 1, "node.yaml:1:1: x"};
  status.short_of_descriptors = true;
  status.durable_log.is_open = true;
  status.durable_log.folder = "/data/log";
  status.durable_log.failure = base::error{base::errc::system, "fsync: Input/output error"};
  status.durable_log.log.is_full = true;
  status.durable_log.damages = {{"/data/log/1", 40, 8, "a checksum is wrong", {}, true}};
  std::string told;
  for (const complaint& one : warnings(status)) told += one.what + " " + one.name + ": " + one.help + "\n";
  CHECK(
      told ==
      "listener a/l: coppice listener a/l resume\n"
      "child a/c: coppice restart a/c\n"
      "job j: coppice cron enable j\n"
      "configuration n@h: coppice check names every mistake\n"
      "durable_log n@h: coppice log check /data/log; once the disk is in order, a restart of the node opens "
      "it\n"
      "durable_log n@h: make room on the disk of /data/log; nothing has to be restarted\n"
      "durable_log n@h: coppice log check /data/log says what lies there; a restart does not mend it\n"
      "descriptors n@h: coppice listener NAME says which; LimitNOFILE= in the unit\n");
  status.certificates = {{"/tls/a.pem", 1'800'000'000 * base::nanos_per_second, true, ""}};
  metrics_source from;
  from.status = status;
  from.usage.most_files = 77;
  from.handler_drops = {{"far", 3}};
  const std::string text = metrics_text(from, metrics::board(), format::prometheus);
  for (const char* line :
       {"coppice_switched_off{what=\"child\"} 1\n", "coppice_configuration_on_disk{state=\"refused\"} 1\n",
        "coppice_configuration_on_disk{state=\"same\"} 0\n", "coppice_short_of_descriptors 1\n",
        "coppice_certificate_ends_seconds{file=\"/tls/a.pem\"} 1800000000.000\n",
        "coppice_log_handler_dropped_lines_total{handler=\"far\"} 3\n", "\nprocess_max_fds 77\n",
        "# TYPE process_cpu_seconds_total counter\n"})
    CHECK_MESSAGE(count(text, line) == 1, line);
}

TEST_CASE(
    "what the node cannot write, a job that is alone and a stuck thread are warnings, and nothing is "
    "unready") {
  auto status = running();
  status.cannot_write = {{node::unwritable::kind::data, "/data", "no room"},
                         {node::unwritable::kind::log, "/a.log", "no room"},
                         {node::unwritable::kind::handler, "log/far", "nobody is there"}};
  status.jobs_alone = {"nightly"};
  status.job_warnings.push_back({"hourly", "a run has not ended"});
  const base::nanos now = base::mono_now();
  status.stuck = {{{}, "<0.43.0> hurt", "handle_call", "{slow, ...}", now - 12 * base::nanos_per_second},
                  {{}, "<0.44.0>", "handle_info", "", now}};
  const auto told = warnings(status);
  REQUIRE(told.size() == 6);
  CHECK(told[0].what == "data");
  CHECK(told[0].why == "cannot be written: no room");
  CHECK(told[1].what == "log");
  CHECK(told[1].name == "/a.log");
  CHECK(told[2].what == "log_handler");
  CHECK(told[2].name == "log/far");
  CHECK(told[2].why == "does not get its lines: nobody is there");
  CHECK(told[3].what == "job");
  CHECK(told[3].name == "nightly");
  CHECK(told[4].what == "job");
  CHECK(told[4].name == "hourly");
  CHECK(told[4].why == "a run has not ended");
  CHECK(told[5].what == "thread");
  CHECK(told[5].name == "<0.43.0> hurt");
  CHECK(told[5].why == "stuck for 12 s in handle_call of {slow, ...}");
  CHECK(told[5].help.find("coppice exit '<0.43.0>' kill") == 0);
  CHECK(ready(status, {}).empty());
  CHECK(lives(status).empty());
}

TEST_CASE("every kind of warning has a sample, and no warning is of another kind") {
  auto status = running();
  status.differences = {"x"};
  status.off = {{"listener", "a/l"}, {"child", "a/c"}, {"job", "j"}};
  status.away.emplace_back().name = "p@h";
  status.on_disk = {node::configuration_on_disk::verdict::differs, 1, "x"};
  status.certificates = {{"c.pem", 1, true}};
  status.short_of_descriptors = true;
  status.cannot_write = {{node::unwritable::kind::data, "/data", "x"},
                         {node::unwritable::kind::log, "/a.log", "x"},
                         {node::unwritable::kind::handler, "log/far", "x"}};
  status.jobs_alone = {"nightly"};
  status.durable_log.failure = base::error{base::errc::system, "x"};
  status.raft.push_back({"ledger", 3 * base::nanos_per_second, 0});
  status.sagas.push_back({"desk", 1, 3 * base::nanos_per_second, 0});
  status.stuck = {{{}, "<0.43.0>", "handle_call", "", base::mono_now() - 2 * base::nanos_per_second}};
  metrics_source from;
  from.status = status;
  const std::string text = metrics_text(from, metrics::board(), format::prometheus);
  for (const std::string_view what : warning_kinds) {
    const std::string line = fmt::format("coppice_warning{{what=\"{}\"}} {}\n", what, what == "job" ? 2 : 1);
    CHECK_MESSAGE(count(text, line) == 1, line);
  }
  CHECK(warnings(status).size() == warning_kinds.size() + 1);
}

TEST_CASE(
    "a member of a Raft group that stands still, uses or takes no snapshot, waits, is slow or has older code "
    "is named") {
  node::node_status status;
  status.raft = {{"still", base::nanos_per_second, 0, true, false, false},
                 {"bad", 0, 0, false, true, false},
                 {"grows", 0, 0, false, false, true},
                 {"waits", 0, 0, false, false, false, 0, 3 * base::nanos_per_second},
                 {"slow", 0, 0, false, false, false, 0, 0, 120 * base::nanos_per_ms},
                 {"older", 0, 0, false, false, false, 0, 0, 0, 2},
                 {"behind", 0, 0, false, false, false, 0, 0, 0, {}, 0, 300, 200},
                 {"large", 0, 0, false, false, true, 0, 0, 0, {}, 250, 0, 200}};
  const auto said = warnings(status);
  REQUIRE(said.size() == 8);
  CHECK(said[0].why == "it stands still: its part of the durable log is of no use");
  CHECK(said[1].why == "it applies nothing: its snapshot is of no use");
  CHECK(said[2].why == "it could take no snapshot, so its log grows");
  CHECK(said[3].why == "it has applied nothing for 3000 ms, and committed entries wait");
  CHECK(said[4].why == "a write to the durable log took 120 ms, longer than a heartbeat");
  CHECK(said[5].why == "it applies nothing: its code does not know version 2 of its group");
  CHECK(said[6].why == "it cannot catch up: its leader's snapshot has 300 bytes, and 200 are the most here");
  CHECK(said[7].why ==
        "it can take no snapshot, so its log grows: its state has 250 bytes, and 200 are the most here");
}

TEST_CASE("a saga whose steps are stuck in doubt, or cannot be undone, is named") {
  node::node_status status;
  status.sagas = {{"desk", 2, 90 * base::nanos_per_second, 0, 0},
                  {"shop", 1, 0, 1, 0},
                  {"bank", 0, 0, 0, 70 * base::nanos_per_second}};
  status.unread_sagas = {{"former", 4}};
  const auto said = warnings(status);
  REQUIRE(said.size() == 4);
  CHECK(said[0].what == "saga");
  CHECK(said[0].name == "desk");
  CHECK(said[0].why == "2 steps in doubt, the oldest for 90 s");
  CHECK(said[0].help.find("coppice saga desk --in-doubt") == 0);
  CHECK(said[1].why == "1 step cannot be undone");
  CHECK(said[1].help.find("coppice saga shop resolve TX abort") != std::string::npos);
  CHECK(said[2].why == "a transaction ends and is not carried out, 70 s after its deadline");
  CHECK(said[2].help.find("coppice saga bank --overdue") == 0);
  CHECK(said[3].name == "former");
  CHECK(said[3].why.find("4 of its transactions and steps are open") == 0);
}

TEST_CASE("a node that is drained is not ready") {
  auto status = running();
  CHECK(ready(status, {}).empty());
  status.draining = true;
  REQUIRE(ready(status, {}).size() == 1);
  CHECK(ready(status, {}).front().help == "coppice drain --undo");
}

TEST_CASE("the process knows what it uses") {
  const process_usage used = own_usage();
  CHECK(used.resident_bytes > 1 << 20);
  CHECK(used.mapped_bytes >= used.resident_bytes);
  CHECK(used.open_files >= 3);
  CHECK(used.most_files > used.open_files);
  CHECK(used.cpu_nanos > 0);
}

} // namespace coppice::control
