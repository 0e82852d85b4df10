// SPDX-License-Identifier: MIT
// The table of the commands, and a function for each that has no file of its own; see command_table.hpp.
#include "control/command_table.hpp"

#include <algorithm>
#include <string_view>

#include "control/asked.hpp"
#include "control/audit.hpp"
#include "control/command_arguments.hpp"
#include "control/documents.hpp"
#include "control/drain.hpp"
#include "control/engine_commands.hpp"
#include "control/event_commands.hpp"
#include "control/health.hpp"
#include "control/log_commands.hpp"
#include "control/process_commands.hpp"
#include "control/process_list.hpp"
#include "control/top.hpp"
#include "node/instance/operations.hpp"
#include "node/instance/snapshots.hpp"
#include "services/cron/jobs.hpp"

namespace coppice::control {

namespace {

using nlohmann::json;

constexpr base::nanos ns_per_ms = asked::ns_per_ms;

pending run_status(const request& r) {
  return r->done(status_document(r->of.snapshots(), r->of.snapshots().status_with_disk(),
                                 r->of.snapshots().degraded())),
         pending{};
}
pending run_nodes(const request& r) {
  return r->done(nodes_document(r->of.snapshots())), pending{};
}
pending run_plugins(const request& r) {
  return r->done(plugins_document(r->of)), pending{};
}
pending run_ps(const request& r) {
  return r->done(process_list(*r)), pending{};
}

pending run_tree(const request& r) {
  auto trees = r->of.snapshots().tree(r->text("application"));
  trees ? r->done(tree_document(r->of.snapshots(), *trees)) : r->fail(trees.error());
  return {};
}

// Without a change: the jobs, or, with for_ms, the runs that come.
pending run_cron(const request& r) {
  constexpr std::size_t most_rows = 1000;
  constexpr std::uint64_t longest_ms = std::uint64_t{366} * 24 * 3'600'000;
  services::cron_jobs& jobs = r->of.jobs();
  const std::string name = r->text("name"), change = r->text("change");
  if (change == "run") return r->finish(jobs.run_now(name)), pending{};
  if (change == "enable" || change == "disable") {
    r->of.operations().switch_job(name, change == "enable", [r](const base::status& s) { r->finish(s); });
    return {};
  }
  if (!change.empty()) return r->fail(base::errc::invalid, "a job is run, enabled or disabled"), pending{};
  if (!r->arguments.contains("for_ms"))
    return r->done(jobs_document(jobs.rows(), r->of.snapshots().peers_away())), pending{};
  const auto span = r->number("for_ms");
  if (!span || *span < 1000 || *span > longest_ms)
    return r->fail(base::errc::invalid, "what comes is told for a second to a year"), pending{};
  auto coming = jobs.coming(std::chrono::seconds(*span / 1000), most_rows + 1);
  const bool all = coming.size() <= most_rows;
  if (!all) coming.pop_back();
  return r->done(coming_document(coming, all)), pending{};
}

// start, stop, restart, terminate. The reply is a document that repeats the application or the path.
using operation = void (node::operations::*)(std::string_view, base::nanos,
                                             std::function<void(base::status)>);

pending operate(const request& r, operation what, const char* subject) {
  const std::string on = r->text(subject);
  (r->of.operations().*what)(on, r->timeout_nanos(), [r, subject, on](const base::status& s) {
    s ? r->done({{subject, on}}) : r->fail(s.error());
  });
  return {};
}

pending run_start(const request& r) {
  return operate(r, &node::operations::start_application, "application");
}
pending run_stop(const request& r) {
  return operate(r, &node::operations::stop_application, "application");
}
pending run_restart(const request& r) {
  return operate(r, &node::operations::restart, "path");
}
pending run_terminate(const request& r) {
  return operate(r, &node::operations::terminate, "path");
}

// diff, apply. A configuration that is bad is a document, so that the client can show all of its mistakes.
pending run_changes(const request& r, bool dry_run, bool refuse) {
  node::apply_request wanted;
  if (const std::string file = r->text("file"); !file.empty()) wanted.files = {file};
  wanted.back = r->flag("back");
  if (r->arguments.contains("only")) {
    const json& only = r->arguments.at("only");
    const bool good = only.is_array() && std::ranges::all_of(only, [](const json& one) {
                        return one.is_string() && one.get_ref<const std::string&>().starts_with('/');
                      });
    if (!good) return r->fail(base::errc::invalid, "only: expected a list of absolute paths"), pending{};
    wanted.only = only.get<std::vector<std::string>>();
  }
  wanted.dry_run = dry_run;
  wanted.by = by(r->who);
  wanted.os_pid = r->who.pid;
  const bool changes = !dry_run;
  const bool running = r->flag("running");
  // The client is named here, since the outcome comes on another thread.
  auto done = [r, refuse, changes, running, who = by(r->who),
               fields = fields_of(r->who)](const node::apply_outcome& outcome) {
    if (changes) node::report(outcome, who, fields);
    if (refuse && outcome.valid && !outcome.result && outcome.rest.empty())
      return r->fail(outcome.result.error());
    json document = changes_document(outcome);
    if (running) document["by_hand"] = changed_by_hand(r->of.snapshots().status());
    r->done(std::move(document));
  };
  r->of.operations().apply(std::move(wanted), std::move(done));
  return {};
}
pending run_diff(const request& r) {
  return run_changes(r, true, false);
}
pending run_apply(const request& r) {
  return run_changes(r, r->flag("dry_run"), true);
}

pending run_history(const request& r) {
  json entries = json::array();
  for (const node::applied_entry& one : r->of.snapshots().history())
    entries.push_back({{"number", one.number},
                       {"at", base::format_wall(one.at)},
                       {"by", one.by},
                       {"changes", one.changes}});
  return r->done({{"entries", std::move(entries)}}), pending{};
}

pending run_connect(const request& r) {
  r->of.operations().connect(r->text("node"), r->timeout_nanos(),
                             [r](const base::status& s) { r->finish(s); });
  return {};
}

pending run_disconnect(const request& r) {
  return r->finish(r->of.operations().disconnect(r->text("node"))), pending{};
}

pending run_reload(const request& r) {
  node::reload_request what;
  what.plugin = r->text("plugin");
  what.dry_run = r->flag("dry_run");
  what.carry_only = r->flag("carry_only");
  what.by = by(r->who);
  what.os_pid = r->who.pid;
  r->of.operations().reload(std::move(what), [r](const base::result<node::reload_report>& report) {
    report ? r->done(reload_document(r->of.snapshots(), *report)) : r->fail(report.error());
  });
  return {r->timeout(), {}};
}

pending run_wait_ready(const request& r) {
  const base::nanos began = base::mono_now();
  const shown_reason how = r->who.sees_state ? shown_reason::whole : shown_reason::shape;
  const std::uint64_t id = r->of.when_ready([r, began, how](const base::status& s) {
    // Applications that did not start with the node may have been started since.
    const bool some_failed = !s && s.error().code == base::errc::refused;
    const std::string missing = some_failed ? not_started(r->of.snapshots().status(), how) : std::string();
    if (!missing.empty()) return r->fail(s.error().code, missing);
    if (!s && !some_failed) return r->fail(s.error());
    r->done({{"ready", true}, {"waited_ms", (base::mono_now() - began) / ns_per_ms}});
  });
  // A request that is answered already needs no patience, and it may have none at all.
  if (id == 0) return {};
  return {r->timeout(), [&of = r->of, id] { of.forget(id); },
          [&of = r->of, how] {
            const std::string missing = not_started(of.snapshots().status(), how);
            return not_in_time(missing.empty() ? "starting" : missing); // empty: it has started this moment
          }};
}

// The complaints of /livez and /readyz with their remedies, and the warnings.
pending run_health(const request& r) {
  const node::node_status status = r->of.snapshots().status_with_disk();
  return r->done(health_document(status, all_complaints(status, r->of.snapshots().degraded()))), pending{};
}

constexpr right see = right::inspect;
constexpr right see_state = right::state;
constexpr right act = right::manage;

constexpr command all[] = {
    {"status", verb::get, see, nullptr, run_status, "the node as a whole"},
    {"tree", verb::get, see, "application", run_tree, "the supervision tree", arguments::tree},
    {"ps", verb::get, see, nullptr, run_ps, "the processes", arguments::ps},
    {"info", verb::get, see, "name", run_info, "one process; its state with the right state",
     arguments::info},
    {"call", verb::post, act, "name", run_call, "calls a server and waits for its reply", arguments::call},
    {"cast", verb::post, act, "name", run_cast, "casts to a server", arguments::cast},
    {"send", verb::post, act, "name", run_send, "sends a message", arguments::cast},
    {"nodes", verb::get, see, nullptr, run_nodes, "the connections to other nodes"},
    {"connect", verb::post, act, "node", run_connect, "connects to a node", arguments::node},
    {"disconnect", verb::post, act, "node", run_disconnect, "ends a connection", arguments::only_node},
    {"exit", verb::post, act, "name", run_exit, "sends an exit signal", arguments::exit},
    {"trace", verb::post, act, "name", run_trace, "ends what sys has switched on", arguments::trace},
    {"pool", verb::get, see, "name", run_pool, "a pool and its workers", arguments::pool},
    {"pool", verb::post, act, "name", run_pool, "changes the size of a pool", arguments::resize},
    {"raft", verb::get, see_state, "name", run_raft, "a member of a Raft group", arguments::pool},
    {"raft", verb::post, act, "name", run_raft, "changes the members of a Raft group, or its leader",
     arguments::change_group},
    {"saga", verb::get, see_state, "name", run_saga, "a saga: its open transactions, or one of them",
     arguments::saga},
    {"saga", verb::post, act, "name", run_saga, "decides for what is in doubt or parked",
     arguments::resolve_saga, false},
    {"listener", verb::get, see, "name", run_listener, "a listener", arguments::listener},
    {"listener", verb::post, act, "name", run_listener, "suspends it or resumes it",
     arguments::change_listener},
    {"cron", verb::get, see, "name", run_cron, "the jobs", arguments::cron},
    {"cron", verb::post, act, "name", run_cron, "runs a job, enables it or disables it",
     arguments::change_job},
    {"events", verb::get, see, "name", run_events, "the named events"},
    {"events", verb::post, act, "name", run_events, "publishes an event", arguments::publish},
    {"health", verb::get, see, nullptr, run_health, "what keeps the node from being alive or ready"},
    {"top", verb::get, see, nullptr, run_top, "the processes that have or do the most", arguments::top},
    {"logs", verb::get, see_state, nullptr, run_logs, "lines of the log", arguments::logs},
    {"log-level", verb::get, see, "level", run_log_level, "the levels of the log"},
    {"log-level", verb::post, act, "level", run_log_level, "sets a level", arguments::log_level},
    {"plugins", verb::get, see, nullptr, run_plugins, "the plugins that are loaded"},
    {"reload", verb::post, act, "plugin", run_reload, "loads changed plugins anew", arguments::reload},
    {"wait-ready", verb::get, see, nullptr, run_wait_ready, "waits until all is started",
     arguments::wait_ready},
    {"start", verb::post, act, "application", run_start, "starts an application", arguments::application},
    {"stop", verb::post, act, "application", run_stop, "stops an application", arguments::application},
    {"diff", verb::get, see_state, nullptr, run_diff, "what apply would change"},
    {"history", verb::get, see, nullptr, run_history, "what was applied"},
    {"drain", verb::get, see, nullptr, run_drain, "what is still connected"},
    {"drain", verb::post, act, nullptr, run_drain, "takes the node out of service, or back",
     arguments::drain},
    {"apply", verb::post, act, nullptr, run_apply, "applies the node's configuration files",
     arguments::apply},
    {"restart", verb::post, act, "path", run_restart, "restarts a child", arguments::child},
    {"terminate", verb::post, act, "path", run_terminate, "ends a child until it is restarted",
     arguments::child},
};

} // namespace

std::span<const command> commands() {
  return all;
}

} // namespace coppice::control
