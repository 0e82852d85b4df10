// SPDX-License-Identifier: MIT
// Tests of the metrics that a node declares: engines by their place in the tree, totals by the type of
// actor, jobs, named events and peers. The snapshots are made by hand.
#include "node/shown/node_metrics.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "base/program.hpp"
#include "behaviours/event_manager/event_counters.hpp"
#include "behaviours/web/sites.hpp"
#include "behaviours/web/web_counters.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "host/boundary/router_totals.hpp"
#include "host/boundary/saga_state.hpp"
#include "host/boundary/saga_totals.hpp"
#include "host/boundary/stage_totals.hpp"
#include "host/boundary/statem_totals.hpp"
#include "metrics/rows.hpp"

namespace coppice::node {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

struct fixture {
  fixture() {
    declare_metrics(board, {[this] { return jobs; }, [this] { return events; }, [this] { return plugins; },
                            [this] { return peers; }});
  }
  std::string page() const {
    metrics::exposition to(metrics::exposition::format::prometheus);
    board.write(to);
    return to.take();
  }

  metrics::board board;
  std::vector<cron::job_report> jobs;
  std::vector<behaviours::event_report> events;
  std::vector<plugin_status> plugins;
  std::vector<peer_status> peers;
};

} // namespace

TEST_CASE("peers have series up to a bound, connected ones first, and the rest is counted") {
  fixture of;
  for (std::size_t i = 0; i < metrics::most_rows + 5; ++i) {
    peer_status& one = of.peers.emplace_back();
    one.name = "p" + std::to_string(i) + "@h";
    one.state = i == metrics::most_rows + 4 ? "connected" : "down";
  }
  const std::string text = of.page();
  CHECK(count(text, "\ncoppice_connections 1\n") == 1);
  CHECK(count(text, "\ncoppice_connection_up{") == metrics::most_rows);
  CHECK(count(text, "\ncoppice_connection_up{peer=\"p1004@h\",direction=\"\",tls=\"\"} 1\n") == 1);
  CHECK(count(text, "\ncoppice_peers_left_out 5\n") == 1);
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
  CHECK_FALSE(sites->enter(*now, 0)); // refused by the route's own bound
  now->counters(0).count(200, 255'000);
  now->counters(0).count(304, 256'000);
  now->counters(0).count(504, 20'000'000'000);
  sites->count(200);
  sites->count(behaviours::web_overload::slow_events);
  fixture of;
  const auto here = of.board.enter({{"site", "net/site"}}, std::make_shared<behaviours::web_counters>(sites));
  const std::string text = of.page();
  const auto has = [&text](const std::string& line) {
    return count(text, "\ncoppice_web_" + line + "\n") == 1;
  };
  CHECK(has("in_flight{site=\"net/site\"} 1"));
  CHECK(has("answered_total{site=\"net/site\",code=\"200\"} 1"));
  CHECK(has("overloads_total{site=\"net/site\",reason=\"slow_events\"} 1"));
  CHECK(has("overloads_total{site=\"net/site\",reason=\"mailbox\"} 0"));
  const std::string labels = "{site=\"net/site\",route=\"GET /users/{id}\"";
  CHECK(has("requests_total" + labels + ",class=\"2xx\"} 1"));
  CHECK(has("requests_total" + labels + ",class=\"3xx\"} 1"));
  CHECK(has("requests_total" + labels + ",class=\"5xx\"} 1"));
  CHECK(has("request_seconds_bucket" + labels + ",le=\"0.000256\"} 1"));
  CHECK(has("request_seconds_bucket" + labels + ",le=\"0.001024\"} 2"));
  CHECK(has("request_seconds_bucket" + labels + ",le=\"16.777216\"} 2"));
  CHECK(has("request_seconds_bucket" + labels + ",le=\"+Inf\"} 3"));
  CHECK(has("request_seconds_count" + labels + "} 3"));
  sites->leave(*now, 0);
  CHECK(sites->enter(*now, 0));
}

TEST_CASE("named events of this node are counted by their names") {
  fixture of;
  behaviours::event_report orders, elsewhere;
  orders.name = elsewhere.name = "orders";
  orders.counts = {.published = 7, .lost = 2, .last = 9, .subscribers = 3, .kept = 4};
  elsewhere.node = "a@b";
  of.events = {orders, elsewhere};
  const std::string text = of.page();
  for (const auto& [name, value] : {std::pair("subscribers", 3), std::pair("published_total", 7),
                                    std::pair("lost_total", 2), std::pair("kept", 4)})
    CHECK(count(text, "\ncoppice_named_event_" + std::string(name) + "{event=\"orders\"} " +
                          std::to_string(value) + "\n") == 1);
}

TEST_CASE("jobs are counted by their names") {
  fixture of;
  cron::job_report nightly;
  nightly.name = "nightly";
  nightly.under_way = 1;
  nightly.runs = 7;
  nightly.failures = 2;
  nightly.retries = 3;
  nightly.skipped = 4;
  nightly.missed = 5;
  of.jobs = {nightly};
  const std::string text = of.page();
  CHECK(count(text, "\ncoppice_cron_jobs 1\n") == 1);
  CHECK(count(text, "\ncoppice_cron_under_way{job=\"nightly\"} 1\n") == 1);
  const std::pair<const char*, int> numbers[] = {
      {"runs", 7}, {"failures", 2}, {"retries", 3}, {"skipped", 4}, {"missed", 5}};
  for (const auto& [name, value] : numbers)
    CHECK(count(text, "\ncoppice_cron_" + std::string(name) + "_total{job=\"nightly\"} " +
                          std::to_string(value) + "\n") == 1);
}

TEST_CASE("event managers are shown by their places, with what became of their handlers") {
  fixture of;
  const auto counts = std::make_shared<behaviours::event_counters>();
  counts->handlers.add_alone(2);
  counts->events.add_alone(70);
  counts->failed.add_alone(3);
  counts->restarted.add_alone(1);
  counts->slow.add_alone(4);
  counts->dropped.add_alone(5);
  const auto here = of.board.enter({{"manager", "main/alarms"}}, counts);
  const std::string text = of.page();
  CHECK(count(text, "\ncoppice_event_handlers{manager=\"main/alarms\"} 2\n") == 1);
  CHECK(count(text, "\ncoppice_events_managed_total{manager=\"main/alarms\"} 70\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_failed_total{manager=\"main/alarms\"} 3\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_restarted_total{manager=\"main/alarms\"} 1\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_slow_total{manager=\"main/alarms\"} 4\n") == 1);
  CHECK(count(text, "\ncoppice_event_handlers_dropped_total{manager=\"main/alarms\"} 5\n") == 1);
}

TEST_CASE(
    "state machines, stages, routers and sagas are counted by the type of their actor, over all "
    "generations") {
  fixture of;
  host::identity_book book(&of.board);
  const auto of_type = [&book](const std::string& plugin, const std::string& actor,
                               const std::string& behaviour) -> const host::actor_identity& {
    return book.of(plugin, actor, behaviour, host::find(host::hosted_behaviours(), behaviour)->totals);
  };
  auto& door = of_type("door", "door", "statem").totals<host::statem_totals>();
  door.machines.add(3);
  door.dropped_postponed.add(12);
  of_type("lift", "cage", "statem");
  auto& stage = of_type("numbers", "counter", "producer").totals<host::stage_totals>();
  behaviours::stage_counters now{};
  now.emitted = 10;
  now.delivered = 9;
  now.dropped = 1;
  now.unrouted = 3;
  now.overloaded = 7;
  now.excess = 4;
  now.malformed = 5;
  stage.begin();
  stage.begin();
  stage.add(now, {});
  stage.end(6);
  auto& router = of_type("shard", "shard", "router").totals<host::router_totals>();
  router.running.add(2);
  router.passed.add(11);
  router.failed.add(3);
  router.discarded.add(4);
  router.own.add(5);
  auto& desk = of_type("transfer", "desk", "saga").totals<host::saga_totals>();
  saga::counters counted;
  counted.started = 9;
  counted.committed = 4;
  counted.heuristic = 3;
  counted.heuristic_mismatch = 2;
  counted.dropped = {1, 2, 0, 0, 3};
  desk.begin();
  desk.begin();
  desk.add(counted, {});
  desk.hold({7, 5}, {});
  desk.hold({2, 6}, {7, 5});
  desk.end({1, 6});
  const std::string text = of.page();
  const std::string stages = "{type=\"numbers:counter\",role=\"producer\"} ";
  const std::string routers = "{type=\"shard:shard\"} ";
  const std::string sagas = "{type=\"transfer:desk\"} ";
  for (const std::string& line : {std::string("statem_machines{type=\"door:door\"} 3"),
                                  std::string("statem_machines{type=\"lift:cage\"} 0"),
                                  std::string("statem_dropped_postponed_total{type=\"door:door\"} 12"),
                                  "stages" + stages + "1",
                                  "stage_emitted_total" + stages + "10",
                                  "stage_received_total" + stages + "0",
                                  "stage_delivered_total" + stages + "9",
                                  "stage_dropped_total" + stages + "1",
                                  "stage_unrouted_total" + stages + "3",
                                  "stage_overloaded_total" + stages + "7",
                                  "stage_excess_total" + stages + "4",
                                  "stage_malformed_total" + stages + "5",
                                  "stage_lost_total" + stages + "6",
                                  "routers" + routers + "2",
                                  "router_passed_total" + routers + "11",
                                  "router_failed_total" + routers + "3",
                                  "router_discarded_total" + routers + "4",
                                  "router_own_total" + routers + "5",
                                  "sagas" + sagas + "1",
                                  "saga_open" + sagas + "1",
                                  "saga_steps" + sagas + "0",
                                  "saga_started_total" + sagas + "9",
                                  "saga_committed_total" + sagas + "4",
                                  "saga_heuristic_total" + sagas + "3",
                                  "saga_heuristic_mismatch_total" + sagas + "2",
                                  "saga_dropped_total" + sagas + "6"}) {
    CAPTURE(line);
    CHECK(count(text, "\ncoppice_" + line + "\n") == 1);
  }
}

TEST_CASE("a saga tells what waits for its coordinators and its operator, and since when") {
  fixture of;
  const auto desk = std::make_shared<host::saga_state>();
  auto& since = desk->in_doubt_since;
  CHECK(since.age(base::mono_now()) == 0);
  since.set(-90 * base::nanos_per_second); // before the machine started
  CHECK(since.age(base::nanos_per_second) == 91 * base::nanos_per_second);
  since.set(0);
  CHECK(since.age(2) == 1);
  since.set(base::mono_now() + 3600 * base::nanos_per_second);
  CHECK(since.age(base::mono_now()) == 0);
  since.set(std::nullopt);
  desk->in_doubt.set(4);
  desk->parked.set(2);
  const auto here = of.board.enter({{"saga", "desk"}}, desk);
  const std::string text = of.page();
  CHECK(count(text, "\ncoppice_saga_in_doubt{saga=\"desk\"} 4\n") == 1);
  CHECK(count(text, "\ncoppice_saga_parked{saga=\"desk\"} 2\n") == 1);
  CHECK(count(text, "\ncoppice_saga_in_doubt_oldest_seconds{saga=\"desk\"} 0\n") == 1);
}

TEST_CASE("programs and kept connections are counted by the type of their actor once it has had one") {
  fixture of;
  host::identity_book book(&of.board);
  const auto& filter = book.of("filter", "filter", "server");
  const auto& redis = book.of("redis", "redis", "server");
  CHECK(count(of.page(), "coppice_port_programs{") == 0);
  CHECK(count(of.page(), "coppice_tcp_connect_up{") == 0);
  for (int i = 0; i < 9; ++i) filter.programs->count_start();
  filter.programs->count_no_start();
  filter.programs->count_end({});
  filter.programs->count_end({.status = 1});
  filter.programs->count_end({.signal = 9});
  filter.programs->count_left();
  filter.programs->count_bytes(60, 70);
  redis.connects->up.add();
  redis.connects->tries.add(7);
  redis.connects->failed.add(6);
  // A later generation that has the type under another behaviour goes on with the same series.
  book.of("filter", "filter", "router").programs->count_bytes(1, 2);
  const std::string text = of.page();
  const std::string programs = "{type=\"filter:filter\"} ";
  for (const std::string& line :
       {"port_programs" + programs + "5", "port_started_total" + programs + "9",
        "port_not_started_total" + programs + "1", "port_read_bytes_total" + programs + "61",
        "port_written_bytes_total" + programs + "72",
        std::string("port_ended_total{type=\"filter:filter\",how=\"exit\"} 1"),
        std::string("port_ended_total{type=\"filter:filter\",how=\"exit_status\"} 1"),
        std::string("port_ended_total{type=\"filter:filter\",how=\"exit_signal\"} 2"),
        std::string("tcp_connect_up{type=\"redis:redis\"} 1"),
        std::string("tcp_connect_tries_total{type=\"redis:redis\"} 7"),
        std::string("tcp_connect_failed_total{type=\"redis:redis\"} 6")}) {
    CAPTURE(line);
    CHECK(count(text, "\ncoppice_" + line + "\n") == 1);
  }
}

} // namespace coppice::node
