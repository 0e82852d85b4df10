// SPDX-License-Identifier: MIT
// See health.hpp.
#include "control/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/descriptors.hpp"
#include "base/log_levels.hpp"
#include "control/hidden_terms.hpp"

namespace coppice::control {

std::vector<complaint> lives(const node::node_status& status) {
  std::vector<complaint> out;
  for (const runtime::worker_info& one : status.runtime.workers) {
    if (one.held <= stuck_after) continue;
    out.push_back({"worker", std::to_string(one.index),
                   fmt::format("stuck for {} s", one.held / base::nanos_per_second),
                   "coppice logs --module runtime names the handler; coppice exit PID kill ends its actor"});
  }
  return out;
}

std::vector<complaint> ready(const node::node_status& status, const std::vector<std::string>& given_up) {
  std::vector<complaint> out;
  // A node that reloads or applies is ready: nothing that is up goes down.
  if (status.state == node::node_state::starting || status.state == node::node_state::stopping)
    out.push_back({"node", status.name, std::string(node::text(status.state)),
                   status.state == node::node_state::starting
                       ? "coppice wait-ready waits until it has started"
                       : "coppice logs -n 20 says why it stops"});
  if (status.draining)
    out.push_back({"node", status.name, "drained: its listeners accept nobody", "coppice drain --undo"});
  for (const node::application_status& one : status.applications) {
    if (one.state == "running" || (one.state == "stopped" && one.reason == "normal")) continue;
    const bool down = one.state == "stopped" || one.state == "failed";
    out.push_back({"application", one.name, one.reason.empty() ? one.state : one.state + ": " + one.reason,
                   fmt::format("coppice {} {}", down ? "start" : "tree", one.name)});
  }
  for (const std::string& path : given_up) {
    out.push_back({"child", path, "parked: it failed too often", "coppice restart " + path});
  }
  return out;
}

std::vector<complaint> all_complaints(const node::node_status& status,
                                      const std::vector<std::string>& given_up) {
  std::vector<complaint> out = lives(status);
  for (complaint& one : ready(status, given_up)) out.push_back(std::move(one));
  return out;
}

namespace {

std::string steps(std::uint64_t many) {
  return many == 1 ? "1 step" : fmt::format("{} steps", many);
}

} // namespace

std::vector<complaint> warnings(const node::node_status& status) {
  std::vector<complaint> out;
  for (const std::string& one : status.differences)
    out.push_back({"tree", status.name, one, "coppice restart of what it names, or of its application"});
  for (const node::switched_off& one : status.off) {
    const bool listens = one.what == "listener";
    const bool is_job = one.what == "job";
    out.push_back({one.what, one.name,
                   listens  ? "suspended: it accepts nobody"
                   : is_job ? "disabled by hand"
                            : "terminated: it stays down until somebody restarts it",
                   listens  ? fmt::format("coppice listener {} resume", one.name)
                   : is_job ? "coppice cron enable " + one.name
                            : "coppice restart " + one.name});
  }
  for (const node::peer_status& one : status.away) {
    const std::string since = base::format_wall(one.since);
    out.push_back(
        {"peer", one.name,
         one.held                 ? "disconnected by hand"
         : one.last_error.empty() ? "away since " + since
                                  : fmt::format("away since {}: {}", since, one.last_error),
         fmt::format("coppice connect {}{}", one.name, one.held ? "" : " tries at once; coppice nodes")});
  }
  using verdict = node::configuration_on_disk::verdict;
  const node::configuration_on_disk& disk = status.on_disk;
  if (disk.is != verdict::same) {
    const bool is_bad = disk.is == verdict::refused;
    out.push_back({"configuration", status.name,
                   fmt::format("{} since {}: {}",
                               is_bad ? "on disk it would be refused by the next start"
                                      : "on disk it differs from what runs",
                               base::format_wall(disk.since), disk.why),
                   is_bad ? "coppice check names every mistake" : "coppice diff; coppice apply"});
  }
  for (const node::certificate_status& one : status.certificates) {
    if (!one.unused.empty())
      out.push_back({"certificate", one.file,
                     "its files have changed and cannot be used, the former ones stay: " + one.unused,
                     "coppice check names what is wrong with them; a restart would fail"});
    if (one.soon)
      out.push_back({"certificate", one.file, "ends, or has ended, at " + base::format_wall(one.ends),
                     "coppice certificate issue --replace, or whoever issued it; a restart is not needed"});
  }
  const behaviours::journal_report& log = status.durable_log;
  if (log.failure)
    out.push_back(
        {"durable_log", status.name,
         fmt::format("{}: {}; what needs it stands still", log.is_open ? "it has ended" : "it is not open",
                     log.failure->text),
         fmt::format("coppice log check {}; once the disk is in order, a restart of the node opens it",
                     log.folder)});
  if (log.log.is_full)
    out.push_back({"durable_log", status.name, "the disk is full: it takes no new entries",
                   fmt::format("make room on the disk of {}; nothing has to be restarted", log.folder)});
  for (const durable::damage& one : log.damages)
    out.push_back(
        {"durable_log", status.name, one.text(),
         fmt::format("coppice log check {} says what lies there; a restart does not mend it", log.folder)});
  for (const node::raft_status& one : status.raft) {
    if (one.stopped)
      out.push_back({"raft", one.name, "it stands still: its part of the durable log is of no use",
                     fmt::format("coppice raft {} says why; it begins anew when the node does", one.name)});
    else if (one.leaderless != 0)
      out.push_back(
          {"raft", one.name,
           fmt::format("it has known no leader for {} ms", one.leaderless / base::nanos_per_ms),
           fmt::format("coppice raft {} names its members: most of them have to run and be connected",
                       one.name)});
    if (one.parked_at != 0)
      out.push_back(
          {"raft", one.name,
           fmt::format("it applies nothing: the command at serial {} crashes it", one.parked_at),
           fmt::format("coppice logs --module raft says how; a mended plugin applies it after coppice "
                       "restart of {}, and coppice raft {} skip {} goes on without it",
                       one.name, one.name, one.parked_at)});
    if (one.differs_at != 0)
      out.push_back(
          {"raft", one.name,
           fmt::format("it applies nothing: its state differs from that of most members at serial {}",
                       one.differs_at),
           fmt::format(
               "coppice logs --module raft; once apply does the same everywhere, empty this node's data, "
               "and coppice raft {} remove and add it",
               one.name)});
    if (one.bad_snapshot)
      out.push_back(
          {"raft", one.name, "it applies nothing: its snapshot is of no use",
           fmt::format("coppice raft {} says why; it tries again by itself, so a plugin that takes the "
                       "snapshot has only to be loaded",
                       one.name)});
    if (one.lacks_version)
      out.push_back(
          {"raft", one.name,
           fmt::format("it applies nothing: its code does not know version {} of its group",
                       *one.lacks_version),
           fmt::format("coppice raft {} says which it knows; it goes on once coppice reload has code for it",
                       one.name)});
    const auto is_too_large = [&](std::string_view what, std::uint64_t bytes) {
      out.push_back(
          {"raft", one.name,
           fmt::format("{} has {} bytes, and {} are the most here", what, bytes, one.largest_state),
           fmt::format("coppice raft {} names the limit; it counts once the node starts anew", one.name)});
    };
    if (one.too_large_snapshot != 0)
      is_too_large("it cannot catch up: its leader's snapshot", one.too_large_snapshot);
    if (one.no_snapshots && one.too_large_state != 0)
      is_too_large("it can take no snapshot, so its log grows: its state", one.too_large_state);
    else if (one.no_snapshots)
      out.push_back({"raft", one.name, "it could take no snapshot, so its log grows",
                     "coppice logs --module raft says why; it tries again by itself"});
    if (one.waits != 0)
      out.push_back({"raft", one.name,
                     fmt::format("it has applied nothing for {} ms, and committed entries wait",
                                 one.waits / base::nanos_per_ms),
                     "coppice status names a handler that is stuck; coppice logs --module raft, a crash"});
    if (one.slow_write != 0)
      out.push_back(
          {"raft", one.name,
           fmt::format("a write to the durable log took {} ms, longer than a heartbeat",
                       one.slow_write / base::nanos_per_ms),
           "the disk is slow, or much is written to it; see coppice_raft_fsync_seconds; raft: { heartbeat, "
           "election } above what it takes keep the leader"});
  }
  for (const node::saga_status& one : status.sagas) {
    if (one.oldest != 0)
      out.push_back(
          {"saga", one.name,
           fmt::format("{} in doubt, the oldest for {} s", steps(one.in_doubt),
                       one.oldest / base::nanos_per_second),
           fmt::format(
               "coppice saga {0} --in-doubt names the transactions; they go on once their coordinators "
               "are connected, or with coppice saga {0} resolve",
               one.name)});
    if (one.overdue != 0)
      out.push_back(
          {"saga", one.name,
           fmt::format("a transaction ends and is not carried out, {} s after its deadline",
                       one.overdue / base::nanos_per_second),
           fmt::format(
               "coppice saga {0} --overdue names the participants that it waits for; one that is gone "
               "for good: coppice saga {0} resolve",
               one.name)});
    if (one.parked != 0)
      out.push_back(
          {"saga", one.name, fmt::format("{} cannot be undone", steps(one.parked)),
           fmt::format("coppice saga {0} --parked names the transactions; coppice saga {0} resolve TX abort, "
                       "once the effect is taken back by hand",
                       one.name)});
  }
  for (const node::unread_saga& one : status.unread_sagas)
    out.push_back(
        {"saga", one.name,
         fmt::format("{} of its transactions and steps are open, and no saga with a durable log has its name",
                     one.open),
         "give the child its former name until nothing is open; coppice history says what was applied"});
  if (status.short_of_descriptors)
    out.push_back(
        {"descriptors", status.name,
         fmt::format("all but the last of {} are in use: listeners accept nobody", base::descriptor_limit()),
         "coppice listener NAME says which; LimitNOFILE= in the unit"});
  for (const node::unwritable& one : status.cannot_write) {
    if (one.what == node::unwritable::kind::handler) {
      out.push_back(
          {"log_handler", one.path, "does not get its lines: " + one.why,
           "coppice logs --module log; lines wait in its queue, and are dropped when that is full"});
      continue;
    }
    const bool is_log = one.what == node::unwritable::kind::log;
    out.push_back({is_log ? "log" : "data", one.path, "cannot be written: " + one.why,
                   is_log ? "lines are missing in it until it can; df, and the rights of its folder"
                          : "what has to survive a restart is not kept; df, and the rights of the folder"});
  }
  for (const std::string& one : status.jobs_alone)
    out.push_back({"job", one, "runs on one of several nodes, of which some are away and may run it too",
                   "coppice nodes; coppice cron"});
  for (const node::job_warning& one : status.job_warnings)
    out.push_back(
        {"job", one.name, one.why, "coppice cron; coppice logs --module cron says what it did before"});
  const base::nanos now = base::mono_now();
  for (const runtime::stuck_handler& one : status.stuck) {
    if (now - one.since < thread_stuck_after) continue;
    out.push_back({"thread", one.who,
                   fmt::format("stuck for {} s in {}{}", (now - one.since) / base::nanos_per_second,
                               one.callback, one.message.empty() ? "" : " of " + one.message),
                   fmt::format("coppice exit '{}' kill ends the process; its thread comes back when the "
                               "handler returns, or the node is restarted",
                               one.who.substr(0, one.who.find(' ')))});
  }
  return out;
}

std::string not_started(const node::node_status& status, shown_reason how) {
  if (status.state == node::node_state::stopping) return "stopping";
  const bool starting = status.state == node::node_state::starting;
  std::vector<std::string> at;
  for (const node::application_status& one : status.applications) {
    if (one.state == "starting") at.push_back("application " + one.name + (starting ? "" : " is starting"));
    if (one.state == "failed")
      at.push_back(fmt::format("application {} failed: {}", one.name,
                               how == shown_reason::shape ? shape_of(one.reason) : one.reason));
  }
  if (at.empty()) return starting ? "starting" : "";
  return fmt::format("{}: {}", starting ? "starting" : "not ready", fmt::join(at, ", "));
}

namespace {

nlohmann::json listed(const std::vector<complaint>& from) {
  nlohmann::json all = nlohmann::json::array();
  for (const complaint& one : from)
    all.push_back({{"what", one.what}, {"name", one.name}, {"why", one.why}, {"help", one.help}});
  return all;
}

complaint of_level(const base::log::level_difference& one) {
  const bool all = one.of.empty();
  std::string why(base::log::level_name(one.now));
  if (one.until != base::log::no_end)
    why += fmt::format(" for another {} s",
                       std::max<base::nanos>(one.until - base::mono_now(), 0) / base::nanos_per_second);
  return {"log_level", all ? "all" : one.of, std::move(why),
          "coppice log-level default" + (all ? std::string() : " --of " + one.of)};
}

} // namespace

nlohmann::json changed_by_hand(const node::node_status& status) {
  node::node_status by_hand;
  by_hand.name = status.name;
  by_hand.differences = status.differences;
  by_hand.off = status.off;
  for (const node::peer_status& one : status.away)
    if (one.held) by_hand.away.push_back(one);
  std::vector<complaint> all = warnings(by_hand);
  for (const base::log::level_difference& one : base::log::level_differences()) all.push_back(of_level(one));
  return listed(all);
}

nlohmann::json health_document(const node::node_status& status, const std::vector<complaint>& complaints) {
  return {{"status", complaints.empty() ? "ok" : "unavailable"},
          {"state", node::text(status.state)},
          {"complaints", listed(complaints)},
          {"warnings", listed(warnings(status))}};
}

} // namespace coppice::control
