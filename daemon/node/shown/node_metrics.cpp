// SPDX-License-Identifier: MIT
// See node_metrics.hpp.
#include "node/shown/node_metrics.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "base/heap_account.hpp"
#include "behaviours/datagrams/datagram_counters.hpp"
#include "behaviours/event_manager/event_counters.hpp"
#include "behaviours/pool/pool_counters.hpp"
#include "behaviours/programs/program_totals.hpp"
#include "behaviours/raft/beat_counters.hpp"
#include "behaviours/raft/liveness_counters.hpp"
#include "behaviours/raft/raft_counters.hpp"
#include "behaviours/streams/connect_totals.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/web/web_counters.hpp"
#include "host/boundary/router_totals.hpp"
#include "host/boundary/saga_state.hpp"
#include "host/boundary/saga_totals.hpp"
#include "host/boundary/stage_totals.hpp"
#include "host/boundary/statem_totals.hpp"
#include "metrics/rows.hpp"

namespace coppice::node {
namespace {

using metrics::by;
using metrics::exposition;
using metrics::kind;
using metrics::writes_each;

void plugin_metrics(exposition& to, const std::vector<plugin_status>& plugins) {
  to.family(kind::gauge, "loaded_plugin_generation",
            "How often the plugin was loaded, its first time included");
  for (const plugin_status& one : plugins)
    to.sample({{"plugin", one.id}, {"version", one.version}}, one.generation);
  to.family(kind::gauge, "loaded_plugin_kept_generations", "Former generations whose code is still mapped");
  for (const plugin_status& one : plugins) to.sample({{"plugin", one.id}}, one.kept.size());
  to.family(kind::gauge, "plugin_memory_bytes",
            "Memory that the plugin's code has allocated and that is not free, from a sample of all "
            "allocations; messages, which message_memory_bytes counts, are not in it");
  for (const plugin_status& one : plugins)
    if (one.memory) to.sample({{"plugin", one.id}}, *one.memory);
  to.counter("plugin_memory_left_out",
             "Samples of allocations that are in no plugin's memory, since there are too many to remember",
             base::heap::left_out());
}

void connection_metrics(exposition& to, std::vector<peer_status> peers) {
  const auto away = std::stable_partition(peers.begin(), peers.end(),
                                          [](const peer_status& p) { return p.state == "connected"; });
  const auto connections = static_cast<std::uint64_t>(away - peers.begin());
  const std::size_t all = peers.size();
  peers.resize(std::min(all, metrics::most_rows));
  to.gauge("connections", "Connections to other nodes", connections);
  to.gauge("peers_left_out", "Peers that are known beyond those with series of their own",
           all - peers.size());

  using peer = peer_status;
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

// Metrics of this node's named events.
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

} // namespace

void declare_metrics(metrics::board& on, metric_sources from) {
  on.declare<behaviours::pool_counters>();
  on.declare<behaviours::tcp_counters>();
  on.declare<behaviours::web_counters>();
  on.declare<behaviours::event_counters>();
  on.declare<behaviours::datagram_counters>();
  on.declare<behaviours::raft::raft_counters>();
  on.declare<behaviours::raft::beat_counters>();
  on.declare<behaviours::raft::liveness_counters>();
  on.declare<host::statem_totals>();
  on.declare<host::stage_totals>();
  on.declare([jobs = std::move(from.jobs)](exposition& to) { job_metrics(to, jobs()); });
  on.declare([events = std::move(from.events)](exposition& to) { named_event_metrics(to, events()); });
  on.declare<host::router_totals>();
  on.declare<host::saga_totals>();
  on.declare<host::saga_state>();
  on.declare<behaviours::program_totals>();
  on.declare<behaviours::connect_totals>();
  on.declare([plugins = std::move(from.plugins)](exposition& to) { plugin_metrics(to, plugins()); });
  on.declare_plugins();
  on.declare([peers = std::move(from.peers)](exposition& to) { connection_metrics(to, peers()); });
}

} // namespace coppice::node
