// SPDX-License-Identifier: MIT
// The page of metrics: figures of the process, the runtime and the tree, and the counters on the node's
// board (metrics/board.hpp). The number of series is bounded: of workers, applications, certificates and
// handlers of the log by the configuration, of classes of actors by the runtime, of parked children in this
// file, of all others by the board. No series is of a process. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "metrics/board.hpp"
#include "metrics/exposition.hpp"
#include "node/shown/snapshot.hpp"
#include "runtime/attribution.hpp"

namespace coppice::control {

using metrics::exposition;

// The resources of the machine that this process uses.
struct process_usage {
  std::uint64_t resident_bytes = 0;
  std::uint64_t mapped_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t most_files = 0; // that may be open
  base::nanos cpu_nanos = 0;
};
process_usage own_usage();

struct metrics_source {
  node::node_status status;
  std::vector<std::string> given_up;                                // paths of children
  bool ready = false;                                               // as /readyz says
  std::uint64_t log_dropped = 0;                                    // lines
  std::vector<std::pair<std::string, std::uint64_t>> handler_drops; // lines that a handler of the log lost
  process_usage usage;
  std::vector<runtime::class_work> work;
  std::size_t http_connections = 0;
  std::size_t http_streams = 0;
  std::uint64_t http_streams_dropped = 0;
  std::map<int, std::uint64_t> http_answered; // by status
};

// The families of `counted` stand behind those of the process and the tree, and before those of this page's
// own server.
std::string metrics_text(const metrics_source& from, const metrics::board& counted, exposition::format how);

} // namespace coppice::control
