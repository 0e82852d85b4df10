// SPDX-License-Identifier: MIT
// One function for each group of families. See metrics.hpp.
#include "control/metrics.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/descriptors.hpp"
#include "base/process_usage.hpp"
#include "control/health.hpp"
#include "metrics/rows.hpp"

namespace coppice::control {
namespace {

using metrics::kind;
using metrics::rows_of;

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
  to.standard_family(kind::gauge, "process_virtual_memory_bytes", "Address space that is mapped");
  to.sample(from.usage.mapped_bytes);
  to.standard_family(kind::counter, "process_cpu_seconds", "Processor time the process has used");
  to.seconds({}, from.usage.cpu_nanos);
  to.standard_family(kind::gauge, "process_start_time_seconds",
                     "When the process started, in seconds since 1970");
  to.seconds({}, s.started);
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
  to.family(kind::gauge, "warning", "Warnings of coppice health, which make nothing unavailable");
  const std::vector<complaint> all = warnings(s);
  for (const std::string_view what : warning_kinds)
    to.sample({{"what", what}}, static_cast<std::uint64_t>(std::ranges::count(all, what, &complaint::what)));
  to.family(kind::gauge, "certificate_ends_seconds",
            "When a certificate of the node or of its listeners ends, in seconds since 1970");
  std::map<std::string_view, base::nanos> ends; // several listeners may have one file
  for (const node::certificate_status& one : s.certificates) ends.try_emplace(one.file, one.ends);
  for (const auto& [file, end] : ends) to.seconds({{"file", file}}, end);
  to.counter("log_dropped_lines", "Log lines dropped since the log's queue was full", from.log_dropped);
  to.family(
      kind::counter, "log_handler_dropped_lines",
      "Log lines that a handler of node.log.handlers has not got: its queue was full, or its syslog server "
      "could not be reached");
  for (const auto& [name, lines] : from.handler_drops) to.sample({{"handler", name}}, lines);
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
  to.counter("slow_handlers",
             "Handlers, and work on connections, that held a worker longer than node.runtime.watchdog allows",
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
  const auto each = metrics::writes_each(to, rows, metrics::by("worker", &named::name),
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
  to.family(kind::gauge, "worker_longest_seconds",
            "The longest that one turn, or other work such as on connections, has held the worker");
  for (const info& one : workers) to.seconds({{"worker", std::to_string(one.index)}}, one.longest);
}

void histogram_of(exposition& to, const exposition::labels& of, const runtime::time_spread& seen) {
  static const std::vector<double> bounds = [] {
    std::vector<double> seconds;
    for (const base::nanos bound : runtime::time_spread::bounds)
      seconds.push_back(static_cast<double>(bound) / static_cast<double>(base::nanos_per_second));
    return seconds;
  }();
  to.histogram(of, bounds, {seen.at_or_below.begin(), seen.at_or_below.end()},
               static_cast<double>(seen.sum) / static_cast<double>(base::nanos_per_second));
}

void class_metrics(exposition& to, const std::vector<runtime::class_work>& all) {
  using work = runtime::class_work;
  const auto labels_of = [](const work& one) {
    return exposition::labels{{"plugin", one.plugin}, {"actor", one.actor}};
  };
  to.family(kind::counter, "actor_cpu_seconds",
            "Processor time of a class of actors, by what they handled; which of it is for what is estimated "
            "from a sample");
  for (const work& one : rows_of(all))
    for (std::size_t i = 0; i < runtime::work_kinds; ++i) {
      exposition::labels labels = labels_of(one);
      labels.push_back({"message", runtime::to_string(static_cast<runtime::work_kind>(i))});
      to.seconds(labels, one.ran[i]);
    }
  to.family(
      kind::histogram, "handler_seconds",
      "Time from the beginning of a handler to its return, with the time that it waits. Counts only the "
      "messages of a sample of turns, not all");
  for (const work& one : rows_of(all)) histogram_of(to, labels_of(one), one.handled);
  to.family(kind::histogram, "mailbox_wait_seconds",
            "Time a message waited in its mailbox. Counts only the messages of a sample of turns, and of "
            "those the ones that count against the bound of the mailbox");
  for (const work& one : rows_of(all)) histogram_of(to, labels_of(one), one.waited);
}

void tree_metrics(exposition& to, const metrics_source& from) {
  to.family(kind::gauge, "application_running", "1 if the application runs");
  for (const node::application_status& one : from.status.applications)
    to.sample({{"application", one.name}, {"type", one.type}}, one.state == "running");
  to.counter("child_restarts", "Restarts of supervised children", from.status.restarts);
  to.gauge("children_parked", "Children that failed too often and stay down", from.status.given_up);
  to.family(kind::gauge, "child_parked", "1 for each parked child, by its path");
  for (const std::string& one : rows_of(from.given_up)) to.sample({{"child", one}}, 1);
}

void http_metrics(exposition& to, const metrics_source& from) {
  to.gauge("http_connections", "Connections to this page's server", from.http_connections);
  to.gauge("http_streams", "Readers of /api/v1/stream", from.http_streams);
  to.counter("http_streams_dropped", "Readers that did not take their events", from.http_streams_dropped);
  to.family(kind::counter, "http_responses", "What it answered, by status");
  for (const auto& [status, count] : from.http_answered) to.sample({{"code", std::to_string(status)}}, count);
}

} // namespace

process_usage own_usage() {
  const base::memory_use memory = base::used_memory();
  return {memory.resident, memory.mapped, base::open_files(), base::descriptor_limit(),
          base::processor_time()};
}

std::string metrics_text(const metrics_source& from, const metrics::board& counted, exposition::format how) {
  exposition to(how);
  node_metrics(to, from);
  runtime_metrics(to, from.status.runtime);
  worker_metrics(to, from.status.runtime.workers);
  class_metrics(to, from.work);
  tree_metrics(to, from);
  counted.write(to);
  http_metrics(to, from);
  return to.take();
}

} // namespace coppice::control
