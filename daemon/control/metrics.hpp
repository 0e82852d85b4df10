// SPDX-License-Identifier: MIT
// The node's snapshots as metrics. Every number of series is bounded: those of workers, applications and
// plugins by the configuration, those that plugins make by their board, those of peers and of children
// given up here, with what was left out counted. No series is of a process. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/channels/event_channels.hpp"
#include "behaviours/datagrams/datagram_sockets.hpp"
#include "behaviours/event_manager/event_board.hpp"
#include "behaviours/pool/pool_board.hpp"
#include "behaviours/programs/program_counts.hpp"
#include "behaviours/streams/connect_counts.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/web/web_board.hpp"
#include "control/exposition.hpp"
#include "cron/timetable.hpp"
#include "host/boundary/router_counts.hpp"
#include "host/boundary/stage_counts.hpp"
#include "host/boundary/statem_counts.hpp"
#include "node/shown/snapshot.hpp"

namespace coppice::control {

// Series of one kind: peers, connected ones first, and children given up.
constexpr std::size_t most_series = 1000;

// What this process uses of its machine.
struct process_usage {
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t most_files = 0; // that may be open
  base::nanos cpu_nanos = 0;
};
process_usage own_usage();

struct metrics_source {
  node::node_status status;
  std::vector<node::peer_status> peers;
  std::vector<node::plugin_status> plugins;
  node::plugin_metrics counted;      // by them
  std::vector<std::string> given_up; // paths of children
  std::vector<behaviours::pool_row> pools;
  std::vector<behaviours::tcp_board::row> listeners;
  std::vector<behaviours::web_board::row> sites; // that HTTP is spoken by
  std::vector<behaviours::event_row> event_managers;
  std::vector<behaviours::datagram_board::row> datagrams;
  std::vector<host::statem_counts> state_machines;
  std::vector<host::stage_counts> stages;
  std::vector<cron::job_report> jobs;
  std::vector<behaviours::event_report> events;
  std::vector<host::router_counts> routers;
  std::vector<behaviours::program_counts> programs;
  std::vector<behaviours::connect_counts> connects;
  bool ready = false;            // as /readyz says
  std::uint64_t log_dropped = 0; // lines
  process_usage usage;
  std::size_t http_connections = 0;
  std::map<int, std::uint64_t> http_answered; // by status
};

std::string metrics_text(const metrics_source& from, exposition::format how);

} // namespace coppice::control
