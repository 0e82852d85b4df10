// SPDX-License-Identifier: MIT
// Declares what a node counts on its board of metrics, in the order in which the page shows it: the engines'
// counters, the totals of actors' types, and families that are read from the node's parts when the page is
// requested.
#pragma once

#include <functional>
#include <vector>

#include "behaviours/channels/event_channels.hpp"
#include "cron/timetable.hpp"
#include "metrics/board.hpp"
#include "node/shown/snapshot.hpp"

namespace coppice::node {

// Each function is called when the metrics are read, on any thread.
struct metric_sources {
  std::function<std::vector<cron::job_report>()> jobs;
  std::function<std::vector<behaviours::event_report>()> events;
  std::function<std::vector<plugin_status>()> plugins;
  std::function<std::vector<peer_status>()> peers;
};

void declare_metrics(metrics::board& on, metric_sources from);

} // namespace coppice::node
