// SPDX-License-Identifier: MIT
// One function for each group of families. See metrics.hpp.
#include "control/metrics.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "base/descriptors.hpp"
#include "base/process_usage.hpp"
#include "behaviours/web/sites.hpp"

namespace coppice::control {
namespace {

using kind = metric_kind;

// Those that have series.
template <class Row>
std::span<const Row> shown(const std::vector<Row>& rows) {
  return std::span(rows).first(std::min(most_series, rows.size()));
}

std::uint64_t read(std::uint64_t value) {
  return value;
}
std::uint64_t read(const std::atomic<std::uint64_t>& value) {
  return value.load(std::memory_order_relaxed);
}

// Labels a row by a text that it has.
template <class Row>
auto by(std::string_view name, std::string Row::*text) {
  return [name, text](const Row& row) { return exposition::labels{{name, row.*text}}; };
}

// Writes families that have a sample for each row: `labels` says which one it is, `of` what of it has the
// value, which is a member of that, or a function.
template <class Row, class Labels, class Subject = std::identity>
auto writes_each(exposition& to, const std::vector<Row>& rows, Labels labels, Subject of = {}) {
  return [&to, &rows, labels, of](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    for (const Row& one : shown(rows)) to.sample(labels(one), read(std::invoke(value, of(one))));
  };
}

// The same of engines, which count on a board.
template <class Row>
auto writes_each_engine(exposition& to, const std::vector<Row>& rows, std::string_view label) {
  return writes_each(
      to, rows, by(label, &Row::label), [](const Row& row) -> const auto& { return *row.counters; });
}

void node_metrics(exposition& to, const metrics_source& from) {
  const node::node_status& s = from.status;
  to.family(kind::gauge, "node_info", "Which node this is; always 1");
  to.sample({{"node", s.name}, {"version", s.version}, {"creation", std::to_string(s.creation)}}, 1);
  to.family(kind::gauge, "start_time_seconds", "When the node started, in seconds since 1970");
  to.seconds({}, s.started);
  to.family(kind::gauge, "node_state", "1 for the state the node is in");
  for (const auto state : {node::node_state::starting, node::node_state::running, node::node_state::reloading,
                           node::node_state::stopping})
    to.sample({{"state", node::text(state)}}, s.state == state);
  to.counter("node_restarts", "Starts of the node after a failure, since it was started by hand",
             s.restarts_of_node);
  to.gauge("ready", "1 if /readyz answers 200", from.ready);
  to.gauge("resident_memory_bytes", "Memory of the process that is in RAM", from.usage.resident_bytes);
  to.gauge("open_fds", "Open file descriptors", from.usage.open_files);
  to.family(kind::counter, "cpu_seconds", "Processor time the process has used");
  to.seconds({}, from.usage.cpu_nanos);
  to.standard_family(kind::gauge, "process_open_fds", "Open file descriptors");
  to.sample(from.usage.open_files);
  to.standard_family(kind::gauge, "process_max_fds", "File descriptors that may be open");
  to.sample(from.usage.most_files);
  to.standard_family(kind::gauge, "process_resident_memory_bytes", "Memory of the process that is in RAM");
  to.sample(from.usage.resident_bytes);
  to.standard_family(kind::counter, "process_cpu_seconds", "Processor time the process has used");
  to.seconds({}, from.usage.cpu_nanos);
  to.gauge("short_of_descriptors", "1 if all file descriptors but the last ones are in use",
           s.short_of_descriptors);
  using disk = node::configuration_on_disk::verdict;
  to.family(
      kind::gauge, "configuration_on_disk",
      "1 for how the configuration's files are: as what runs, other than it, or refused by the next start");
  for (const disk one : {disk::same, disk::differs, disk::refused})
    to.sample({{"state", node::text(one)}}, s.on_disk.is == one);
  to.family(kind::gauge, "configuration_on_disk_since_seconds", "Since when, in seconds since 1970");
  to.seconds({}, s.on_disk.since);
  to.family(kind::gauge, "switched_off",
            "What operators have switched off: listeners suspended, children "
            "terminated, jobs disabled");
  for (const std::string_view what : {"listener", "child", "job"})
    to.sample({{"what", what}},
              static_cast<std::uint64_t>(std::ranges::count(s.off, what, &node::switched_off::what)));
  to.counter("log_dropped_lines", "Log lines dropped since the log's queue was full", from.log_dropped);
}

void runtime_metrics(exposition& to, const runtime::runtime_counters& r) {
  to.gauge("processes", "Processes alive", r.processes);
  to.counter("processes_spawned", "Processes started", r.spawned);
  to.counter("dead_letters", "Messages to nobody, and those left in the mailbox of one that died",
             r.dead_letters);
  to.counter("mailbox_dropped", "Messages refused by full mailboxes", r.dropped);
  to.counter("malformed", "Messages and exit reasons of plugins that were for other nodes and no terms",
             r.malformed);
  to.gauge("message_memory_bytes", "Memory of all message buffers", r.message_memory);
  to.counter("slow_handlers", "Handlers that held their worker longer than node.runtime.watchdog allows",
             r.slow_handlers);
  to.counter("workers_taken_over", "Workers given to another thread since theirs was stuck in a handler",
             r.taken_over);
  to.gauge("stuck_threads", "Threads that lost their worker and are still in that handler", r.stuck_threads);
  to.gauge("lingering_processes", "Dead processes whose handler has not returned", r.lingering);
  to.counter("abandoned_stacks", "Stacks given up since a dead process did not leave its handler",
             r.abandoned_stacks);
}

void worker_metrics(exposition& to, const std::vector<runtime::worker_info>& workers) {
  using info = runtime::worker_info;
  struct named {
    std::string name;
    const info& of;
  };
  std::vector<named> rows;
  for (const info& one : workers) rows.push_back({std::to_string(one.index), one});
  const auto each = writes_each(to, rows, by("worker", &named::name),
                                [](const named& row) -> const info& { return row.of; });
  each(kind::counter, "worker_turns", "Turns processes had", &info::turns);
  each(kind::gauge, "worker_processes", "Processes that live on the worker", &info::processes);
  each(kind::gauge, "worker_runnable", "Processes that wait for their turn", &info::runnable);
  each(kind::gauge, "worker_parked", "Processes parked on a stack in a callback that waits", &info::parked);
  each(kind::gauge, "worker_timers",
       "Timers armed: those that processes started, and the deadlines of what they wait for", &info::timers);
  to.family(kind::gauge, "worker_held_seconds",
            "How long what runs now has held the worker; 0 while it sleeps");
  for (const info& one : workers) to.seconds({{"worker", std::to_string(one.index)}}, one.held);
}

void tree_metrics(exposition& to, const metrics_source& from) {
  to.family(kind::gauge, "application_running", "1 if the application runs");
  for (const node::application_status& one : from.status.applications)
    to.sample({{"application", one.name}, {"type", one.type}}, one.state == "running");
  to.counter("child_restarts", "Restarts of supervised children", from.status.restarts);
  to.gauge("children_parked", "Children that failed too often and stay down", from.status.given_up);
  to.family(kind::gauge, "child_parked", "1 for each parked child, by its path");
  for (const std::string& one : shown(from.given_up)) to.sample({{"child", one}}, 1);
}

void pool_metrics(exposition& to, const std::vector<behaviours::pool_row>& pools) {
  using counters = behaviours::pool_counters;
  const auto each = writes_each_engine(to, pools, "pool");
  each(kind::gauge, "pool_workers", "Workers of a pool", &counters::workers);
  each(kind::counter, "pool_misdirected", "Requests that choose() of the workers' type gave to nobody",
       &counters::misdirected);
  each(kind::counter, "pool_grown", "Workers that were added since requests waited", &counters::grown);
  each(kind::counter, "pool_shrunk", "Workers that were removed since they had nothing to do",
       &counters::shrunk);
  each(kind::gauge, "pool_queued", "Requests that wait for a worker", &counters::queued);
  each(kind::gauge, "pool_held", "Requests that workers have", &counters::held);
  each(kind::counter, "pool_handled", "Requests that workers have handled", &counters::handled);
  each(kind::counter, "pool_rejected", "Requests that found the queue full", &counters::rejected);
  each(kind::counter, "pool_expired", "Requests that waited for too long, or whose caller gave up",
       &counters::expired);
  each(kind::counter, "pool_retried", "Requests given to another worker, theirs having ended",
       &counters::retried);
  each(kind::counter, "pool_lost", "Requests that a worker held when it ended", &counters::lost);
  each(kind::counter, "pool_unanswered", "Of the lost ones, calls whose caller could not be told",
       &counters::unanswered);
}

void listener_metrics(exposition& to, const std::vector<behaviours::tcp_board::row>& listeners) {
  using counters = behaviours::tcp_counters;
  const auto each = writes_each_engine(to, listeners, "listener");
  each(kind::gauge, "tcp_connections", "Connections that are open", &counters::open);
  each(kind::counter, "tcp_accepted", "Connections that were accepted", &counters::accepted);
  each(kind::counter, "tcp_denied", "Connections that were closed by access", &counters::denied);
  each(kind::counter, "tcp_shed", "Connections that were closed because there were too many",
       &counters::shed);
  each(kind::counter, "tcp_failed", "Connections whose actor could not be started", &counters::failed);
  each(kind::counter, "tcp_crashed", "Connections whose actor failed", &counters::crashed);
  each(kind::counter, "tcp_read_bytes", "Bytes of connections that have ended", &counters::read);
  each(kind::counter, "tcp_written_bytes", "Bytes of connections that have ended", &counters::written);
  to.family(kind::counter, "tcp_ended", "Connections that have ended, by how");
  for (const auto& one : shown(listeners))
    for (std::size_t how = 0; how < behaviours::stream_ends; ++how)
      if (const auto count = read(one.counters->ended[how]); count != 0)
        to.sample({{"listener", one.label},
                   {"how", std::string(behaviours::text(static_cast<behaviours::stream_end>(how)))}},
                  count);
}

// Of web servers, and their routes, which a reload of the configuration counts anew.
void web_metrics(exposition& to, const std::vector<behaviours::web_board::row>& sites) {
  using overload = behaviours::web_overload;
  const auto each = writes_each_engine(to, sites, "site");
  using all = behaviours::web_sites;
  each(kind::gauge, "web_in_flight", "Requests that wait for an answer", &all::in_flight);
  each(kind::gauge, "web_client_actors", "Actors that were made for a client each", &all::client_actors);
  each(kind::gauge, "web_unfinished_bytes", "Bytes of bodies and WebSocket messages that have come in part",
       [](const all& of) { return of.unfinished().kept(); });
  to.family(kind::counter, "web_answered", "Requests of a web server that were answered, by status");
  for (const auto& one : shown(sites))
    for (const auto& [status, count] : one.counters->answered())
      to.sample({{"site", one.label}, {"code", std::to_string(status)}}, count);
  to.family(kind::counter, "web_overloads",
            "Clients that were refused or given up, by what there was too much of");
  for (const auto& one : shown(sites)) {
    const all& of = *one.counters;
    for (const auto what :
         {overload::in_flight, overload::mailbox, overload::slow_events, overload::slow_websocket})
      to.sample({{"site", one.label}, {"reason", behaviours::text(what)}}, of.overloads(what));
    to.sample({{"site", one.label}, {"reason", "unfinished"}}, of.unfinished().refused());
  }

  // Of one site after the other, as far as there is room for series.
  struct row {
    std::string_view site;
    std::shared_ptr<const behaviours::web_site> of; // keeps the counters
    std::size_t route;
    std::string name;
  };
  std::vector<row> routes;
  for (const behaviours::web_board::row& one : sites) {
    const std::shared_ptr<const behaviours::web_site> now = one.counters->now();
    for (std::size_t i = 0; i < now->spec().routes.size() && routes.size() < most_series; ++i)
      routes.push_back({one.label, now, i, now->spec().routes[i].name()});
  }
  to.family(kind::counter, "web_requests", "Requests that went to a route, by the class of their status");
  for (const row& one : routes)
    for (std::size_t hundreds = 1; hundreds <= 5; ++hundreds)
      if (const auto count = one.of->counters(one.route).answered(hundreds); count != 0)
        to.sample({{"site", one.site}, {"route", one.name}, {"class", std::to_string(hundreds) + "xx"}},
                  count);
  // Where two of the counters' buckets meet: 256 µs to 16.8 s.
  static const std::vector<std::uint64_t> times{1 << 8,  1 << 10, 1 << 12, 1 << 14, 1 << 16,
                                                1 << 18, 1 << 20, 1 << 22, 1 << 24};
  static const std::vector<double> bounds = [] {
    std::vector<double> out;
    for (const std::uint64_t one : times) out.push_back(static_cast<double>(one) / 1e6);
    return out;
  }();
  to.family(kind::histogram, "web_request_seconds",
            "How long requests of a route took, from their end to the answer");
  for (const row& one : routes) {
    const behaviours::route_counters& counted = one.of->counters(one.route);
    to.histogram({{"site", one.site}, {"route", one.name}}, bounds, counted.took_less(times),
                 static_cast<double>(counted.took()) / 1e6);
  }
}

void event_manager_metrics(exposition& to, const std::vector<behaviours::event_row>& managers) {
  using counters = behaviours::event_counters;
  const auto each = writes_each_engine(to, managers, "manager");
  each(kind::gauge, "event_handlers", "Handlers of an event manager", &counters::handlers);
  each(kind::counter, "events_managed", "Events and other messages that came to an event manager",
       &counters::events);
  each(kind::counter, "event_handlers_failed", "Handlers that ended and had not been asked to",
       &counters::failed);
  each(kind::counter, "event_handlers_restarted", "Handlers that were begun again", &counters::restarted);
  each(kind::counter, "event_handlers_slow", "Handlers that were waited for no longer", &counters::slow);
  each(kind::counter, "event_handlers_dropped", "Events that a handler's backlog had no room for, of each",
       &counters::dropped);
}

void datagram_metrics(exposition& to, const std::vector<behaviours::datagram_board::row>& actors) {
  using counters = behaviours::datagram_counters;
  const auto each = writes_each_engine(to, actors, "actor");
  each(kind::counter, "udp_received", "Datagrams that have come", &counters::received);
  each(kind::counter, "udp_sent", "Datagrams that were sent", &counters::sent);
  each(kind::counter, "udp_too_long", "Datagrams dropped for being longer than max_datagram",
       &counters::too_long);
  each(kind::counter, "udp_kernel_dropped", "Datagrams dropped by the kernel, the receive buffer being full",
       &counters::kernel_dropped);
  each(kind::counter, "udp_refused", "Datagrams not sent, the socket being full", &counters::refused);
  each(kind::counter, "udp_errors", "Errors the network told of what was sent", &counters::errors);
}

void statem_metrics(exposition& to, const std::vector<host::statem_counts>& types) {
  using counts = host::statem_counts;
  const auto each = writes_each(to, types, by("type", &counts::type));
  each(kind::gauge, "statem_machines", "State machines of a type that run", &counts::machines);
  each(kind::counter, "statem_dropped_postponed",
       "Postponed events that were dropped since as many waited as may", &counts::dropped_postponed);
}

void stage_metrics(exposition& to, const std::vector<host::stage_counts>& types) {
  using counts = host::stage_counts;
  const auto each = writes_each(to, types, [](const counts& one) {
    return exposition::labels{{"type", one.type}, {"role", one.role}};
  });
  each(kind::gauge, "stages", "Stages of a type that run", &counts::running);
  each(kind::counter, "stage_emitted", "Events that stages have emitted", &counts::emitted);
  each(kind::counter, "stage_received", "Events that were given to stages", &counts::received);
  each(kind::counter, "stage_delivered", "Events that stages have sent to consumers", &counts::delivered);
  each(kind::counter, "stage_dropped", "Events that found a stage's buffer full", &counts::dropped);
  each(kind::counter, "stage_unrouted", "Events that went to no partition", &counts::unrouted);
  each(kind::counter, "stage_overloaded",
       "Events sent that waited, and were dropped, as too much waited for their consumer",
       &counts::overloaded);
  each(kind::counter, "stage_excess", "Events that came beyond what was asked for", &counts::excess);
  each(kind::counter, "stage_malformed", "Messages to stages that were refused", &counts::malformed);
  each(kind::counter, "stage_lost", "Events that a stage held when it ended", &counts::lost);
}

void router_metrics(exposition& to, const std::vector<host::router_counts>& types) {
  using counts = host::router_counts;
  const auto each = writes_each(to, types, by("type", &counts::type));
  each(kind::gauge, "routers", "Routers of a type that run", &counts::running);
  each(kind::counter, "router_passed", "Calls, casts and messages that routers have sent on",
       &counts::passed);
  each(kind::counter, "router_failed", "Those that could not be sent on, and calls that were not answered",
       &counts::failed);
  each(kind::counter, "router_discarded", "Those that a router's callback has discarded", &counts::discarded);
  each(kind::counter, "router_own", "Those that routers have handled themselves", &counts::own);
}

void program_metrics(exposition& to, const std::vector<behaviours::program_counts>& types) {
  using counts = behaviours::program_counts;
  const auto each = writes_each(to, types, by("type", &counts::type));
  each(kind::gauge, "port_programs", "Programs of a type of actor that run", &counts::running);
  each(kind::counter, "port_started", "Programs that were started, again included", &counts::started);
  each(kind::counter, "port_not_started", "Programs that could not be started", &counts::not_started);
  each(kind::counter, "port_read_bytes", "Bytes that came from programs that have ended", &counts::read);
  each(kind::counter, "port_written_bytes", "Bytes that went to programs that have ended", &counts::written);
  to.family(kind::counter, "port_ended", "Programs that have ended, by how");
  for (const counts& one : shown(types)) {
    const std::pair<const char*, std::uint64_t> ends[] = {
        {"exit", one.exited}, {"exit_status", one.failed}, {"exit_signal", one.signalled}};
    for (const auto& [how, count] : ends) to.sample({{"type", one.type}, {"how", how}}, count);
  }
}

void connect_metrics(exposition& to, const std::vector<behaviours::connect_counts>& types) {
  using counts = behaviours::connect_counts;
  const auto each = writes_each(to, types, by("type", &counts::type));
  each(kind::gauge, "tcp_connect_up", "Connections that a type of actor is to have all the time, and has",
       &counts::up);
  each(kind::counter, "tcp_connect_tries", "Tries to make such a connection", &counts::tries);
  each(kind::counter, "tcp_connect_failed", "Tries of which no connection came", &counts::failed);
}

void plugin_metrics(exposition& to, const std::vector<node::plugin_status>& plugins) {
  to.family(kind::gauge, "loaded_plugin_generation",
            "How often the plugin was loaded, its first time included");
  for (const node::plugin_status& one : plugins)
    to.sample({{"plugin", one.id}, {"version", one.version}}, one.generation);
  to.family(kind::gauge, "loaded_plugin_kept_generations", "Former generations whose code is still mapped");
  for (const node::plugin_status& one : plugins) to.sample({{"plugin", one.id}}, one.kept.size());
}

kind kind_of(host::metric_kind what) {
  switch (what) {
    case host::metric_kind::counter:
      return kind::counter;
    case host::metric_kind::gauge:
      return kind::gauge;
    case host::metric_kind::histogram:
      break;
  }
  return kind::histogram;
}

// What the plugins themselves count.
void counted_metrics(exposition& to, const node::plugin_metrics& counted) {
  to.counter("refused_plugin_metrics", "Metrics of plugins that are not shown: too many, or malformed",
             counted.refused);
  for (const host::metric_family& one : counted.families) {
    to.family(kind_of(one.kind), "plugin_" + one.name, one.help);
    for (const host::metric_series& series : one.series) {
      exposition::labels of;
      for (const auto& [name, value] : series.labels) of.push_back({name, value});
      if (one.kind == host::metric_kind::histogram)
        to.histogram(of, one.bounds, series.at_or_below, series.sum);
      else
        to.signed_sample(of, series.value);
    }
  }
}

void connection_metrics(exposition& to, std::uint64_t connections, std::vector<node::peer_status> peers) {
  std::stable_partition(peers.begin(), peers.end(),
                        [](const node::peer_status& p) { return p.state == "connected"; });
  const std::size_t all = peers.size();
  peers.resize(std::min(all, most_series));
  to.gauge("connections", "Connections to other nodes", connections);
  to.gauge("peers_left_out", "Peers that are known beyond those with series of their own",
           all - peers.size());

  using peer = node::peer_status;
  const auto each = writes_each(to, peers, by("peer", &peer::name));
  to.family(kind::gauge, "connection_up", "1 if there is a connection to the peer");
  for (const peer& one : peers)
    to.sample({{"peer", one.name}, {"direction", one.direction}, {"tls", one.tls}}, one.state == "connected");
  to.family(kind::gauge, "connection_since_seconds",
            "When the connection came or went, in seconds since 1970");
  for (const peer& one : peers) to.seconds({{"peer", one.name}}, one.since);
  each(kind::counter, "connection_received_bytes", "Bytes read from the peer", &peer::bytes_in);
  each(kind::counter, "connection_sent_bytes", "Bytes written to the peer", &peer::bytes_out);
  each(kind::counter, "connection_received_messages", "Distribution messages from the peer",
       &peer::messages_in);
  each(kind::counter, "connection_sent_messages", "Distribution messages to the peer", &peer::messages_out);
  each(kind::gauge, "connection_queued_bytes", "Bytes waiting to be sent to the peer", &peer::queued_bytes);
  each(kind::counter, "connection_dropped_messages", "Messages from the peer that no process here may get",
       &peer::dropped);
  each(kind::gauge, "connection_silent_ticks",
       "Quarters of net_ticktime since the peer was heard; at 4 it is down", &peer::silent_ticks);
  to.family(kind::gauge, "connection_last_error_info", "Why the last connection or attempt failed, in words");
  for (const peer& one : peers)
    if (!one.last_error.empty()) to.sample({{"peer", one.name}, {"error", one.last_error}}, 1);
}

void job_metrics(exposition& to, const std::vector<cron::job_report>& jobs) {
  using report = cron::job_report;
  to.gauge("cron_jobs", "Jobs that the node has", jobs.size());
  const auto each = writes_each(to, jobs, by("job", &report::name));
  each(kind::gauge, "cron_under_way",
       "Runs of a job under way, those that wait for their next attempt among them", &report::under_way);
  each(kind::counter, "cron_runs", "Runs of a job, further attempts among them", &report::runs);
  each(kind::counter, "cron_failures", "Of them, those that failed", &report::failures);
  each(kind::counter, "cron_retries", "Of them, further attempts", &report::retries);
  each(kind::counter, "cron_skipped", "Runs that did not take place, one before them being under way",
       &report::skipped);
  each(kind::counter, "cron_missed", "Times that passed unseen and are not made up for", &report::missed);
}

// Of this node's named events.
void named_event_metrics(exposition& to, const std::vector<behaviours::event_report>& events) {
  using report = behaviours::event_report;
  using counts = behaviours::channel_counts;
  std::vector<const report*> own;
  for (const report& one : events)
    if (one.node.empty()) own.push_back(&one);
  const auto each = writes_each(
      to, own,
      [](const report* one) {
        return exposition::labels{{"event", one->name}};
      },
      [](const report* one) -> const counts& { return one->counts; });
  each(kind::gauge, "named_event_subscribers", "Subscribers of an event, another node being one",
       &counts::subscribers);
  each(kind::counter, "named_event_published", "Events that were published", &counts::published);
  each(kind::counter, "named_event_lost", "Of them, those that a subscriber had no room for, of each one",
       &counts::lost);
  each(kind::gauge, "named_event_kept", "Events that are kept for who comes later or is behind",
       &counts::kept);
}

void http_metrics(exposition& to, const metrics_source& from) {
  to.gauge("http_connections", "Connections to this page's server", from.http_connections);
  to.family(kind::counter, "http_responses", "What it answered, by status");
  for (const auto& [status, count] : from.http_answered) to.sample({{"code", std::to_string(status)}}, count);
}

} // namespace

process_usage own_usage() {
  return {base::resident_bytes(), base::open_files(), base::descriptor_limit(), base::processor_time()};
}

std::string metrics_text(const metrics_source& from, exposition::format how) {
  exposition to(how);
  node_metrics(to, from);
  runtime_metrics(to, from.status.runtime);
  worker_metrics(to, from.status.runtime.workers);
  tree_metrics(to, from);
  pool_metrics(to, from.pools);
  listener_metrics(to, from.listeners);
  web_metrics(to, from.sites);
  event_manager_metrics(to, from.event_managers);
  datagram_metrics(to, from.datagrams);
  statem_metrics(to, from.state_machines);
  stage_metrics(to, from.stages);
  job_metrics(to, from.jobs);
  named_event_metrics(to, from.events);
  router_metrics(to, from.routers);
  program_metrics(to, from.programs);
  connect_metrics(to, from.connects);
  plugin_metrics(to, from.plugins);
  counted_metrics(to, from.counted);
  connection_metrics(to, from.status.connections, from.peers);
  http_metrics(to, from);
  return to.take();
}

} // namespace coppice::control
