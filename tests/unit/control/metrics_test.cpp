// SPDX-License-Identifier: MIT
// Metrics and health from snapshots made by hand: the text to the letter where it is short, and the bounds.
#include "control/metrics.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "behaviours/web/sites.hpp"
#include "control/health.hpp"

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

TEST_CASE("a family is written with its help, its type and its samples") {
  exposition to(format::prometheus);
  to.family(metric_kind::counter, "things", "What there was");
  to.sample({{"a", "x"}, {"b", "y"}}, 7);
  to.gauge("size_bytes", "How large", 0);
  to.family(metric_kind::gauge, "time_seconds", "How long");
  to.seconds({}, 1'234'500'000);
  CHECK(to.take() ==
        "# HELP coppice_things_total What there was\n"
        "# TYPE coppice_things_total counter\n"
        "coppice_things_total{a=\"x\",b=\"y\"} 7\n"
        "# HELP coppice_size_bytes How large\n"
        "# TYPE coppice_size_bytes gauge\n"
        "coppice_size_bytes 0\n"
        "# HELP coppice_time_seconds How long\n"
        "# TYPE coppice_time_seconds gauge\n"
        "coppice_time_seconds 1.234\n");
}

TEST_CASE("OpenMetrics names a counter's family without _total, and ends") {
  exposition to(format::openmetrics);
  to.counter("things", "What there was", 7);
  CHECK(to.take() ==
        "# HELP coppice_things What there was\n"
        "# TYPE coppice_things counter\n"
        "coppice_things_total 7\n"
        "# EOF\n");
}

TEST_CASE("a histogram has a sample for each bound and for all, their sum and their number") {
  exposition to(format::prometheus);
  to.family(metric_kind::histogram, "h", "What");
  to.histogram({}, {-1, 1e-05, 0.1, 10, 1e16}, {1, 2, 3, 5, 8, 13}, 0.1 + 0.2);
  CHECK(to.take() ==
        "# HELP coppice_h What\n"
        "# TYPE coppice_h histogram\n"
        "coppice_h_bucket{le=\"-1\"} 1\n"
        "coppice_h_bucket{le=\"1e-05\"} 2\n"
        "coppice_h_bucket{le=\"0.1\"} 3\n"
        "coppice_h_bucket{le=\"10\"} 5\n"
        "coppice_h_bucket{le=\"1e+16\"} 8\n"
        "coppice_h_bucket{le=\"+Inf\"} 13\n"
        "coppice_h_sum 0.30000000000000004\n"
        "coppice_h_count 13\n");
}

TEST_CASE("OpenMetrics has bounds that are whole numbers with a point, and a sum that only goes up") {
  exposition to(format::openmetrics);
  to.family(metric_kind::histogram, "h", "What");
  to.histogram({{"l", "v"}}, {1, 2.5}, {1, 2, 3}, std::numeric_limits<double>::infinity());
  to.histogram({{"l", "w"}}, {-1}, {1, 2}, -3);
  CHECK(to.take() ==
        "# HELP coppice_h What\n"
        "# TYPE coppice_h histogram\n"
        "coppice_h_bucket{l=\"v\",le=\"1.0\"} 1\n"
        "coppice_h_bucket{l=\"v\",le=\"2.5\"} 2\n"
        "coppice_h_bucket{l=\"v\",le=\"+Inf\"} 3\n"
        "coppice_h_sum{l=\"v\"} +Inf\n"
        "coppice_h_count{l=\"v\"} 3\n"
        "coppice_h_bucket{l=\"w\",le=\"-1.0\"} 1\n"
        "coppice_h_bucket{l=\"w\",le=\"+Inf\"} 2\n"
        "# EOF\n");
}

TEST_CASE("what a label says is escaped and UTF-8") {
  exposition to(format::prometheus);
  to.family(metric_kind::gauge, "g", "h");
  to.sample({{"l", "a\"b\\c\nd\xff\xc3\xa4\xc3"}}, 1);
  CHECK(to.take().ends_with("coppice_g{l=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\"} 1\n"));
}

TEST_CASE("the format is the one the scraper names") {
  const std::string prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
  const std::string any = "*/*";
  CHECK(exposition::chosen(&prometheus) == format::openmetrics);
  CHECK(exposition::chosen(&any) == format::prometheus);
  CHECK(exposition::chosen(nullptr) == format::prometheus);
}

TEST_CASE("peers and parked children have series up to a bound, connected peers first, the rest is counted") {
  metrics_source from;
  from.status = running();
  for (std::size_t i = 0; i < most_series + 5; ++i) {
    node::peer_status& one = from.peers.emplace_back();
    one.name = "p" + std::to_string(i) + "@h";
    one.state = i == most_series + 4 ? "connected" : "down";
    from.given_up.push_back("demo/c" + std::to_string(i));
  }
  from.status.given_up = from.given_up.size();
  const std::string text = metrics_text(from, format::prometheus);
  CHECK(count(text, "\ncoppice_connection_up{") == most_series);
  CHECK(count(text, "\ncoppice_connection_up{peer=\"p1004@h\",direction=\"\",tls=\"\"} 1\n") == 1);
  CHECK(count(text, "\ncoppice_peers_left_out 5\n") == 1);
  CHECK(count(text, "\ncoppice_child_parked{") == most_series);
  CHECK(count(text, "\ncoppice_children_parked 1005\n") == 1);
}

TEST_CASE("web servers are counted, and their routes by the class of the status and how long requests took") {
  auto spec = std::make_shared<behaviours::web_spec>();
  auto& route = spec->routes.emplace_back();
  route.method = "GET";
  route.path = *base::path_pattern::parse("/users/{id}");
  route.in_flight = 1;
  auto sites = std::make_shared<behaviours::web_sites>(spec, runtime::message(), "net/site");
  const auto now = sites->now();
  CHECK(sites->enter(*now, 0));
  CHECK_FALSE(sites->enter(*now, 0)); // the route's own bound
  now->counters(0).count(200, 255'000);
  now->counters(0).count(304, 256'000);
  now->counters(0).count(504, 20'000'000'000);
  sites->count(200);
  sites->count(behaviours::web_overload::slow_events);
  metrics_source from;
  from.status = running();
  from.sites = {{"net/site", sites}};
  const std::string text = metrics_text(from, format::prometheus);
  const auto has = [&text](const std::string& line) {
    return count(text, "\ncoppice_web_" + line + "\n") == 1;
  };
  CHECK(has("in_flight{site=\"net/site\"} 1"));
  CHECK(has("answered_total{site=\"net/site\",code=\"200\"} 1"));
  CHECK(has("overloads_total{site=\"net/site\",reason=\"slow_events\"} 1"));
  CHECK(has("overloads_total{site=\"net/site\",reason=\"mailbox\"} 0"));
  const std::string of = "{site=\"net/site\",route=\"GET /users/{id}\"";
  CHECK(has("requests_total" + of + ",class=\"2xx\"} 1"));
  CHECK(has("requests_total" + of + ",class=\"3xx\"} 1"));
  CHECK(has("requests_total" + of + ",class=\"5xx\"} 1"));
  CHECK(has("request_seconds_bucket" + of + ",le=\"0.000256\"} 1"));
  CHECK(has("request_seconds_bucket" + of + ",le=\"0.001024\"} 2"));
  CHECK(has("request_seconds_bucket" + of + ",le=\"16.777216\"} 2"));
  CHECK(has("request_seconds_bucket" + of + ",le=\"+Inf\"} 3"));
  CHECK(has("request_seconds_count" + of + "} 3"));
  sites->leave(*now, 0);
  CHECK(sites->enter(*now, 0));
}

TEST_CASE("state machines are counted by their type") {
  metrics_source from;
  from.status = running();
  from.state_machines = {{"door:door", 3, 12}, {"lift:cage", 0, 0}};
  const std::string text = metrics_text(from, format::prometheus);
  CHECK(count(text, "\ncoppice_statem_machines{type=\"door:door\"} 3\n") == 1);
  CHECK(count(text, "\ncoppice_statem_machines{type=\"lift:cage\"} 0\n") == 1);
  CHECK(count(text, "\ncoppice_statem_dropped_postponed_total{type=\"door:door\"} 12\n") == 1);
}

TEST_CASE("stages are counted by their type and role, events by what became of them") {
  metrics_source from;
  from.status = running();
  from.stages = {{"numbers:counter", "producer", 2, 10, 0, 9, 1, 3, 7, 4, 5, 6}};
  const std::string text = metrics_text(from, format::prometheus);
  const std::string of = "{type=\"numbers:counter\",role=\"producer\"} ";
  CHECK(count(text, "\ncoppice_stages" + of + "2\n") == 1);
  const std::pair<const char*, int> numbers[] = {{"emitted", 10}, {"received", 0},  {"delivered", 9},
                                                 {"dropped", 1},  {"unrouted", 3},  {"overloaded", 7},
                                                 {"excess", 4},   {"malformed", 5}, {"lost", 6}};
  for (const auto& [name, value] : numbers)
    CHECK(count(text,
                "\ncoppice_stage_" + std::string(name) + "_total" + of + std::to_string(value) + "\n") == 1);
}

TEST_CASE("named events of this node are counted by their names") {
  metrics_source from;
  from.status = running();
  behaviours::event_report orders, elsewhere;
  orders.name = elsewhere.name = "orders";
  orders.counts = {.published = 7, .lost = 2, .last = 9, .subscribers = 3, .kept = 4};
  elsewhere.node = "a@b";
  from.events = {orders, elsewhere};
  const std::string text = metrics_text(from, format::prometheus);
  for (const auto& [name, value] : {std::pair("subscribers", 3), std::pair("published_total", 7),
                                    std::pair("lost_total", 2), std::pair("kept", 4)})
    CHECK(count(text, "\ncoppice_named_event_" + std::string(name) + "{event=\"orders\"} " +
                          std::to_string(value) + "\n") == 1);
}

TEST_CASE("jobs are counted by their names") {
  metrics_source from;
  from.status = running();
  cron::job_report nightly;
  nightly.name = "nightly";
  nightly.under_way = 1;
  nightly.runs = 7;
  nightly.failures = 2;
  nightly.retries = 3;
  nightly.skipped = 4;
  nightly.missed = 5;
  from.jobs = {nightly};
  const std::string text = metrics_text(from, format::prometheus);
  CHECK(count(text, "\ncoppice_cron_jobs 1\n") == 1);
  CHECK(count(text, "\ncoppice_cron_under_way{job=\"nightly\"} 1\n") == 1);
  const std::pair<const char*, int> numbers[] = {
      {"runs", 7}, {"failures", 2}, {"retries", 3}, {"skipped", 4}, {"missed", 5}};
  for (const auto& [name, value] : numbers)
    CHECK(count(text, "\ncoppice_cron_" + std::string(name) + "_total{job=\"nightly\"} " +
                          std::to_string(value) + "\n") == 1);
}

TEST_CASE("routers and programs are counted by the type of their actor") {
  metrics_source from;
  from.status = running();
  from.routers = {{"shard:shard", 2, 11, 3, 4, 5}};
  from.programs = {{"filter:filter", 1, 9, 2, 3, 4, 5, 60, 70}};
  from.connects = {{"redis:redis", 1, 7, 6}};
  const std::string text = metrics_text(from, format::prometheus);
  const std::string routers = "{type=\"shard:shard\"} ";
  const std::string programs = "{type=\"filter:filter\"} ";
  for (const std::string& line :
       {"routers" + routers + "2", "router_passed_total" + routers + "11",
        "router_failed_total" + routers + "3", "router_discarded_total" + routers + "4",
        "router_own_total" + routers + "5", "port_programs" + programs + "1",
        std::string("tcp_connect_up{type=\"redis:redis\"} 1"),
        std::string("tcp_connect_tries_total{type=\"redis:redis\"} 7"),
        std::string("tcp_connect_failed_total{type=\"redis:redis\"} 6"),
        "port_started_total" + programs + "9", "port_not_started_total" + programs + "2",
        "port_read_bytes_total" + programs + "60", "port_written_bytes_total" + programs + "70",
        std::string("port_ended_total{type=\"filter:filter\",how=\"exit\"} 3"),
        std::string("port_ended_total{type=\"filter:filter\",how=\"exit_status\"} 4"),
        std::string("port_ended_total{type=\"filter:filter\",how=\"exit_signal\"} 5")}) {
    CAPTURE(line);
    CHECK(count(text, "\ncoppice_" + line + "\n") == 1);
  }
}

TEST_CASE("event managers are shown by their places, with what became of their handlers") {
  metrics_source from;
  from.status = running();
  const auto counts = std::make_shared<behaviours::event_counters>();
  counts->handlers = 2;
  counts->events = 70;
  counts->failed = 3;
  counts->restarted = 1;
  counts->slow = 4;
  counts->dropped = 5;
  from.event_managers = {{"main/alarms", counts}};
  const std::string text = metrics_text(from, format::prometheus);
  CHECK(count(text, "\ncoppice_event_handlers{manager=\"main/alarms\"} 2\n") == 1);
  CHECK(count(text, "\ncoppice_events_managed_total{manager=\"main/alarms\"} 70\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_failed_total{manager=\"main/alarms\"} 3\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_restarted_total{manager=\"main/alarms\"} 1\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_slow_total{manager=\"main/alarms\"} 4\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_dropped_total{manager=\"main/alarms\"} 5\n") == 1);
}

TEST_CASE("what plugins count is shown under their names, gauges with their sign") {
  metrics_source from;
  from.status = running();
  using host_kind = host::metric_kind;
  from.counted.families.push_back({"kv_gets", host_kind::counter, "Reads", {{{{"table", "a"}}, 3}}});
  from.counted.families.push_back({"kv_balance", host_kind::gauge, "", {{{}, -2}}});
  from.counted.families.push_back(
      {"kv_wait", host_kind::histogram, "Waits", {{{{"table", "a"}}, 0, {1, 2}, 0.5}}, {0.25}});
  from.counted.refused = 4;
  const std::string text = metrics_text(from, format::prometheus);
  CHECK(count(text,
              "# HELP coppice_plugin_kv_gets_total Reads\n# TYPE coppice_plugin_kv_gets_total counter\n"
              "coppice_plugin_kv_gets_total{table=\"a\"} 3\n") == 1);
  CHECK(count(text, "\ncoppice_plugin_kv_balance -2\n") == 1);
  CHECK(count(text,
              "# HELP coppice_plugin_kv_wait Waits\n# TYPE coppice_plugin_kv_wait histogram\n"
              "coppice_plugin_kv_wait_bucket{table=\"a\",le=\"0.25\"} 1\n"
              "coppice_plugin_kv_wait_bucket{table=\"a\",le=\"+Inf\"} 2\n"
              "coppice_plugin_kv_wait_sum{table=\"a\"} 0.5\n"
              "coppice_plugin_kv_wait_count{table=\"a\"} 2\n") == 1);
  CHECK(count(text, "\ncoppice_refused_plugin_metrics_total 4\n") == 1);
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
  std::string told;
  for (const complaint& one : warnings(status)) told += one.what + " " + one.name + ": " + one.help + "\n";
  CHECK(told ==
        "listener a/l: coppice listener a/l resume\n"
        "child a/c: coppice restart a/c\n"
        "job j: coppice cron enable j\n"
        "configuration n@h: coppice check names every mistake\n"
        "descriptors n@h: coppice listener NAME says which; LimitNOFILE= in the unit\n");
  metrics_source from;
  from.status = status;
  from.usage.most_files = 77;
  const std::string text = metrics_text(from, format::prometheus);
  for (const char* line :
       {"coppice_switched_off{what=\"child\"} 1\n", "coppice_configuration_on_disk{state=\"refused\"} 1\n",
        "coppice_configuration_on_disk{state=\"same\"} 0\n", "coppice_short_of_descriptors 1\n",
        "\nprocess_max_fds 77\n", "# TYPE process_cpu_seconds_total counter\n"})
    CHECK_MESSAGE(count(text, line) == 1, line);
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
  CHECK(used.open_files >= 3);
  CHECK(used.most_files > used.open_files);
  CHECK(used.cpu_nanos > 0);
}

} // namespace coppice::control
