// SPDX-License-Identifier: MIT
// One function for each group of families. See metrics.hpp.
#include "control/metrics.hpp"

#include <algorithm>
#include <string_view>

#include "base/process_usage.hpp"
#include "behaviours/web/sites.hpp"

namespace coppice::control {
namespace {

using kind = metric_kind;

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
  to.gauge("ready", "1 if /readyz answers 200", from.ready);
  to.gauge("resident_memory_bytes", "Memory of the process that is in RAM", from.usage.resident_bytes);
  to.gauge("open_fds", "Open file descriptors", from.usage.open_files);
  to.family(kind::counter, "cpu_seconds", "Processor time the process has used");
  to.seconds({}, from.usage.cpu_nanos);
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
  const auto each = [&](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    for (const runtime::worker_info& one : workers)
      to.sample({{"worker", std::to_string(one.index)}}, value(one));
  };
  using info = runtime::worker_info;
  each(kind::counter, "worker_turns", "Turns processes had", [](const info& one) { return one.turns; });
  each(kind::gauge, "worker_processes", "Processes that live on the worker",
       [](const info& one) { return one.processes; });
  each(kind::gauge, "worker_runnable", "Processes that wait for their turn",
       [](const info& one) { return one.runnable; });
  each(kind::gauge, "worker_parked", "Processes parked on a stack in a callback that waits",
       [](const info& one) { return one.parked; });
  each(kind::gauge, "worker_timers",
       "Timers armed: those that processes started, and the deadlines of what they wait for",
       [](const info& one) { return one.timers; });
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
  const std::size_t shown = std::min(most_series, from.given_up.size());
  for (std::size_t i = 0; i < shown; ++i) to.sample({{"child", from.given_up[i]}}, 1);
}

void pool_metrics(exposition& to, const std::vector<behaviours::pool_row>& pools) {
  using counters = behaviours::pool_counters;
  const auto each = [&](kind what, std::string_view name, std::string_view help,
                        counters::number counters::*value) {
    to.family(what, name, help);
    const std::size_t shown = std::min(most_series, pools.size());
    for (std::size_t i = 0; i < shown; ++i)
      to.sample({{"pool", pools[i].label}}, ((*pools[i].counters).*value).load(std::memory_order_relaxed));
  };
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
  const std::size_t shown = std::min(most_series, listeners.size());
  const auto each = [&](kind what, std::string_view name, std::string_view help,
                        counters::number counters::*value) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i)
      to.sample({{"listener", listeners[i].label}},
                ((*listeners[i].counters).*value).load(std::memory_order_relaxed));
  };
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
  for (std::size_t i = 0; i < shown; ++i)
    for (std::size_t how = 0; how < behaviours::stream_ends; ++how)
      if (const auto count = listeners[i].counters->ended[how].load(std::memory_order_relaxed); count != 0)
        to.sample({{"listener", listeners[i].label},
                   {"how", std::string(behaviours::text(static_cast<behaviours::stream_end>(how)))}},
                  count);
}

// Of web servers, and their routes, which a reload of the configuration counts anew.
void web_metrics(exposition& to, const std::vector<behaviours::web_board::row>& sites) {
  using overload = behaviours::web_overload;
  const std::size_t shown = std::min(most_series, sites.size());
  const auto each = [&](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i) to.sample({{"site", sites[i].label}}, value(*sites[i].counters));
  };
  using all = behaviours::web_sites;
  each(kind::gauge, "web_in_flight", "Requests that wait for an answer",
       [](const all& of) { return of.in_flight(); });
  each(kind::gauge, "web_client_actors", "Actors that were made for a client each",
       [](const all& of) { return of.client_actors(); });
  each(kind::gauge, "web_unfinished_bytes", "Bytes of bodies and WebSocket messages that have come in part",
       [](const all& of) { return of.unfinished().kept(); });
  to.family(kind::counter, "web_answered", "Requests of a web server that were answered, by status");
  for (std::size_t i = 0; i < shown; ++i)
    for (const auto& [status, count] : sites[i].counters->answered())
      to.sample({{"site", sites[i].label}, {"code", std::to_string(status)}}, count);
  to.family(kind::counter, "web_overloads",
            "Clients that were refused or given up, by what there was too much of");
  for (std::size_t i = 0; i < shown; ++i) {
    const all& of = *sites[i].counters;
    for (const auto what :
         {overload::in_flight, overload::mailbox, overload::slow_events, overload::slow_websocket})
      to.sample({{"site", sites[i].label}, {"reason", behaviours::text(what)}}, of.overloads(what));
    to.sample({{"site", sites[i].label}, {"reason", "unfinished"}}, of.unfinished().refused());
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
  const std::size_t shown = std::min(most_series, managers.size());
  const auto each = [&](kind what, std::string_view name, std::string_view help,
                        counters::number counters::*value) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i)
      to.sample({{"manager", managers[i].label}}, counters::get((*managers[i].counters).*value));
  };
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
  const std::size_t shown = std::min(most_series, actors.size());
  const auto each = [&](std::string_view name, std::string_view help, counters::number counters::*value) {
    to.family(kind::counter, name, help);
    for (std::size_t i = 0; i < shown; ++i)
      to.sample({{"actor", actors[i].label}}, ((*actors[i].counters).*value).load(std::memory_order_relaxed));
  };
  each("udp_received", "Datagrams that have come", &counters::received);
  each("udp_sent", "Datagrams that were sent", &counters::sent);
  each("udp_too_long", "Datagrams dropped for being longer than max_datagram", &counters::too_long);
  each("udp_kernel_dropped", "Datagrams dropped by the kernel, the receive buffer being full",
       &counters::kernel_dropped);
  each("udp_refused", "Datagrams not sent, the socket being full", &counters::refused);
  each("udp_errors", "Errors the network told of what was sent", &counters::errors);
}

void statem_metrics(exposition& to, const std::vector<host::statem_counts>& types) {
  const std::size_t shown = std::min(most_series, types.size());
  to.family(kind::gauge, "statem_machines", "State machines of a type that run");
  for (std::size_t i = 0; i < shown; ++i) to.sample({{"type", types[i].type}}, types[i].machines);
  to.family(kind::counter, "statem_dropped_postponed",
            "Postponed events that were dropped since as many waited as may");
  for (std::size_t i = 0; i < shown; ++i) to.sample({{"type", types[i].type}}, types[i].dropped_postponed);
}

void stage_metrics(exposition& to, const std::vector<host::stage_counts>& types) {
  using counts = host::stage_counts;
  const std::size_t shown = std::min(most_series, types.size());
  const auto each = [&](std::string_view name, std::string_view help, std::uint64_t counts::*which,
                        kind what = kind::counter) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i)
      to.sample({{"type", types[i].type}, {"role", types[i].role}}, types[i].*which);
  };
  each("stages", "Stages of a type that run", &counts::running, kind::gauge);
  each("stage_emitted", "Events that stages have emitted", &counts::emitted);
  each("stage_received", "Events that were given to stages", &counts::received);
  each("stage_delivered", "Events that stages have sent to consumers", &counts::delivered);
  each("stage_dropped", "Events that found a stage's buffer full", &counts::dropped);
  each("stage_unrouted", "Events that went to no partition", &counts::unrouted);
  each("stage_excess", "Events that came beyond what was asked for", &counts::excess);
  each("stage_malformed", "Messages to stages that were refused", &counts::malformed);
  each("stage_lost", "Events that a stage held when it ended", &counts::lost);
}

void router_metrics(exposition& to, const std::vector<host::router_counts>& types) {
  using counts = host::router_counts;
  const std::size_t shown = std::min(most_series, types.size());
  const auto each = [&](std::string_view name, std::string_view help, std::uint64_t counts::*which,
                        kind what = kind::counter) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i) to.sample({{"type", types[i].type}}, types[i].*which);
  };
  each("routers", "Routers of a type that run", &counts::running, kind::gauge);
  each("router_passed", "Calls, casts and messages that routers have sent on", &counts::passed);
  each("router_failed", "Those that could not be sent on, and calls that were not answered", &counts::failed);
  each("router_discarded", "Those that a router's callback has discarded", &counts::discarded);
  each("router_own", "Those that routers have handled themselves", &counts::own);
}

void program_metrics(exposition& to, const std::vector<behaviours::program_counts>& types) {
  using counts = behaviours::program_counts;
  const std::size_t shown = std::min(most_series, types.size());
  const auto each = [&](std::string_view name, std::string_view help, std::uint64_t counts::*which,
                        kind what = kind::counter) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i) to.sample({{"type", types[i].type}}, types[i].*which);
  };
  each("port_programs", "Programs of a type of actor that run", &counts::running, kind::gauge);
  each("port_started", "Programs that were started, again included", &counts::started);
  each("port_not_started", "Programs that could not be started", &counts::not_started);
  each("port_read_bytes", "Bytes that came from programs that have ended", &counts::read);
  each("port_written_bytes", "Bytes that went to programs that have ended", &counts::written);
  to.family(kind::counter, "port_ended", "Programs that have ended, by how");
  for (std::size_t i = 0; i < shown; ++i) {
    const counts& one = types[i];
    const std::pair<const char*, std::uint64_t> ends[] = {
        {"exit", one.exited}, {"exit_status", one.failed}, {"exit_signal", one.signalled}};
    for (const auto& [how, count] : ends) to.sample({{"type", one.type}, {"how", how}}, count);
  }
}

void connect_metrics(exposition& to, const std::vector<behaviours::connect_counts>& types) {
  using counts = behaviours::connect_counts;
  const std::size_t shown = std::min(most_series, types.size());
  const auto each = [&](std::string_view name, std::string_view help, std::uint64_t counts::*which,
                        kind what = kind::counter) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i) to.sample({{"type", types[i].type}}, types[i].*which);
  };
  each("tcp_connect_up", "Connections that a type of actor is to have all the time, and has", &counts::up,
       kind::gauge);
  each("tcp_connect_tries", "Tries to make such a connection", &counts::tries);
  each("tcp_connect_failed", "Tries of which no connection came", &counts::failed);
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
  const auto each = [&](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    for (const peer& one : peers) to.sample({{"peer", one.name}}, value(one));
  };
  to.family(kind::gauge, "connection_up", "1 if there is a connection to the peer");
  for (const peer& one : peers)
    to.sample({{"peer", one.name}, {"direction", one.direction}, {"tls", one.tls}}, one.state == "connected");
  to.family(kind::gauge, "connection_since_seconds",
            "When the connection came or went, in seconds since 1970");
  for (const peer& one : peers) to.seconds({{"peer", one.name}}, one.since);
  each(kind::counter, "connection_received_bytes", "Bytes read from the peer",
       [](const peer& p) { return p.bytes_in; });
  each(kind::counter, "connection_sent_bytes", "Bytes written to the peer",
       [](const peer& p) { return p.bytes_out; });
  each(kind::counter, "connection_received_messages", "Distribution messages from the peer",
       [](const peer& p) { return p.messages_in; });
  each(kind::counter, "connection_sent_messages", "Distribution messages to the peer",
       [](const peer& p) { return p.messages_out; });
  each(kind::gauge, "connection_queued_bytes", "Bytes waiting to be sent to the peer",
       [](const peer& p) { return p.queued_bytes; });
  each(kind::counter, "connection_dropped_messages", "Messages from the peer that no process here may get",
       [](const peer& p) { return p.dropped; });
  each(kind::gauge, "connection_silent_ticks",
       "Quarters of net_ticktime since the peer was heard; at 4 it is down",
       [](const peer& p) { return p.silent_ticks; });
  to.family(kind::gauge, "connection_last_error_info", "Why the last connection or attempt failed, in words");
  for (const peer& one : peers)
    if (!one.last_error.empty()) to.sample({{"peer", one.name}, {"error", one.last_error}}, 1);
}

void job_metrics(exposition& to, const std::vector<cron::job_report>& jobs) {
  using report = cron::job_report;
  const std::size_t shown = std::min(most_series, jobs.size());
  to.gauge("cron_jobs", "Jobs that the node has", jobs.size());
  const auto each = [&](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    for (std::size_t i = 0; i < shown; ++i) to.sample({{"job", jobs[i].name}}, value(jobs[i]));
  };
  each(kind::gauge, "cron_under_way",
       "Runs of a job under way, those that wait for their next attempt among them",
       [](const report& one) { return one.under_way; });
  each(kind::counter, "cron_runs", "Runs of a job, further attempts among them",
       [](const report& one) { return one.runs; });
  each(kind::counter, "cron_failures", "Of them, those that failed",
       [](const report& one) { return one.failures; });
  each(kind::counter, "cron_retries", "Of them, further attempts",
       [](const report& one) { return one.retries; });
  each(kind::counter, "cron_skipped", "Runs that did not take place, one before them being under way",
       [](const report& one) { return one.skipped; });
  each(kind::counter, "cron_missed", "Times that passed unseen and are not made up for",
       [](const report& one) { return one.missed; });
}

// Of this node's named events.
void named_event_metrics(exposition& to, const std::vector<behaviours::event_report>& events) {
  const auto each = [&](kind what, std::string_view name, std::string_view help, auto value) {
    to.family(what, name, help);
    std::size_t shown = 0;
    for (const behaviours::event_report& one : events)
      if (one.node.empty() && shown++ < most_series) to.sample({{"event", one.name}}, value(one.counts));
  };
  using counts = behaviours::channel_counts;
  each(kind::gauge, "named_event_subscribers", "Subscribers of an event, another node being one",
       [](const counts& of) { return of.subscribers; });
  each(kind::counter, "named_event_published", "Events that were published",
       [](const counts& of) { return of.published; });
  each(kind::counter, "named_event_lost", "Of them, those that a subscriber had no room for, of each one",
       [](const counts& of) { return of.lost; });
  each(kind::gauge, "named_event_kept", "Events that are kept for who comes later or is behind",
       [](const counts& of) { return of.kept; });
}

void http_metrics(exposition& to, const metrics_source& from) {
  to.gauge("http_connections", "Connections to this page's server", from.http_connections);
  to.family(kind::counter, "http_responses", "What it answered, by status");
  for (const auto& [status, count] : from.http_answered) to.sample({{"code", std::to_string(status)}}, count);
}

} // namespace

process_usage own_usage() {
  return {base::resident_bytes(), base::open_files(), base::processor_time()};
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
