// SPDX-License-Identifier: MIT
// Snapshots to JSON; see documents.hpp.
#include "control/documents.hpp"

#include <unistd.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <functional>
#include <map>
#include <numeric>

#include "base/heap_account.hpp"
#include "base/process_usage.hpp"
#include "node/instance/instance.hpp"
#include "runtime/attribution.hpp"
#include "runtime/system.hpp"

namespace coppice::control {

namespace {

using nlohmann::json;

constexpr base::nanos ns_per_ms = 1'000'000;
constexpr base::nanos ns_per_us = 1'000;

json pid_json(const node::snapshots& of, const runtime::pid& pid) {
  return pid ? json(of.text_of(pid)) : json();
}

json text_json(const std::string& text) {
  return text.empty() ? json() : json(text);
}

json pids_json(const node::snapshots& of, const std::vector<runtime::pid>& pids) {
  json list = json::array();
  for (const auto& pid : pids) list.push_back(of.text_of(pid));
  std::sort(list.begin(), list.end());
  return list;
}

// Milliseconds in steps of a µs, for times that are mostly below a millisecond.
double fraction_of_ms(base::nanos time) {
  return static_cast<double>(time / 1000) / 1000.0;
}

json application_json(const node::application_status& a) {
  return {{"name", a.name}, {"type", a.type}, {"state", a.state}, {"reason", text_json(a.reason)}};
}

json end_json(const behaviours::child_end& end) {
  return {{"at", base::format_wall(end.wall)}, {"reason", end.reason}};
}

json branch_json(const node::snapshots& of, const behaviours::tree_entry& entry) {
  json branch{{"id", entry.id},
              {"pid", pid_json(of, entry.pid)},
              {"name", text_json(entry.name)},
              {"behaviour", entry.behaviour},
              {"plugin", text_json(entry.plugin)},
              {"state", behaviours::text(entry.state)},
              {"restarts", entry.restarts},
              {"last_end", entry.last_end ? end_json(*entry.last_end) : json()}};
  if (!entry.is_supervisor) return branch;
  branch["children"] = json::array();
  for (const auto& child : entry.children) branch["children"].push_back(branch_json(of, child));
  return branch;
}

std::string_view word_of(node::unwritable::kind of) {
  using kind = node::unwritable::kind;
  return of == kind::log ? "log" : of == kind::handler ? "handler" : "data";
}

} // namespace

json summary_json(const node::snapshots& of, const runtime::process_summary& p) {
  return {{"pid", of.text_of(p.pid)},
          {"name", text_json(p.name)},
          {"label", text_json(p.label)},
          {"behaviour", p.is.behaviour},
          {"plugin", text_json(p.is.plugin)},
          {"status", runtime::to_string(p.status)},
          {"mailbox", p.messages},
          {"reductions", p.reductions},
          {"memory", p.memory},
          {"cpu_us", p.ran / ns_per_us}};
}

json stuck_json(const node::snapshots& of, const std::vector<runtime::stuck_handler>& stuck) {
  json all = json::array();
  for (const auto& one : stuck)
    all.push_back({{"pid", of.text_of(one.pid)},
                   {"who", one.who},
                   {"callback", one.callback},
                   {"message", text_json(one.message)},
                   {"since_ms", (base::mono_now() - one.since) / ns_per_ms},
                   {"cpu_us", one.ran / ns_per_us}});
  return all;
}

json status_document(const node::snapshots& of, const node::node_status& s,
                     const std::vector<std::string>& given_up) {
  json applications = json::array();
  for (const auto& application : s.applications) applications.push_back(application_json(application));
  json certificates = json::array();
  for (const auto& one : s.certificates)
    certificates.push_back({{"file", one.file},
                            {"ends", base::format_wall(one.ends)},
                            {"soon", one.soon},
                            {"unused", one.unused.empty() ? json() : json(one.unused)}});
  json changes = json::array();
  for (const auto& one : s.changes)
    changes.push_back({{"what", one.what},
                       {"by", one.by},
                       {"os_pid", one.os_pid},
                       {"since_ms", (base::mono_now() - one.asked_at) / ns_per_ms}});
  json cannot_write = json::array();
  for (const auto& one : s.cannot_write)
    cannot_write.push_back({{"what", word_of(one.what)}, {"path", one.path}, {"why", one.why}});
  json off = json::array();
  for (const auto& one : s.off) off.push_back({{"what", one.what}, {"name", one.name}});
  std::vector<std::string> plugins;
  json plugin_memory; // null: this program does not count it
  if (base::heap::counts()) plugin_memory = json::object();
  for (const auto& plugin : of.plugins()) {
    plugins.push_back(plugin.id);
    if (plugin.memory) plugin_memory[plugin.id] = *plugin.memory;
  }
  std::sort(plugins.begin(), plugins.end());
  return {{"name", s.name},
          {"state", node::text(s.state)},
          {"degraded", given_up},
          {"version", s.version},
          {"creation", s.creation},
          {"uptime_ms", s.uptime / ns_per_ms},
          {"restarts", s.restarts_of_node},
          {"os_pid", getpid()},
          {"listen", s.listening},
          {"epmd", s.epmd},
          {"certificates", std::move(certificates)},
          {"workers", s.workers},
          {"processes", s.processes},
          {"dead_letters", s.runtime.dead_letters},
          {"dropped", s.runtime.dropped},
          {"malformed", s.runtime.malformed},
          {"message_memory", s.runtime.message_memory},
          {"resident_memory", base::resident_bytes()},
          {"plugin_memory", std::move(plugin_memory)},
          {"slow_handlers", s.runtime.slow_handlers},
          {"taken_over", s.runtime.taken_over},
          {"stuck_threads", s.runtime.stuck_threads},
          {"stuck", stuck_json(of, s.stuck)},
          {"cpu_us", base::processor_time() / ns_per_us},
          {"cannot_write", std::move(cannot_write)},
          {"applications", std::move(applications)},
          {"switched_off", std::move(off)},
          {"configuration",
           {{"on_disk", node::text(s.on_disk.is)},
            {"since", s.on_disk.since == 0 ? json() : json(base::format_wall(s.on_disk.since))},
            {"why", text_json(s.on_disk.why)}}},
          {"draining", s.draining},
          {"former_life", s.former ? json{{"began", base::format_wall(s.former->began)},
                                          {"orderly", s.former->orderly},
                                          {"how", s.former->how}}
                                   : json()},
          {"changes", std::move(changes)},
          {"connections", s.connections},
          {"plugins", plugins}};
}

json tree_document(const node::snapshots& of, const std::vector<node::application_tree>& trees) {
  json applications = json::array();
  for (const auto& tree : trees) {
    json application = application_json(tree.application);
    application["supervisor"] = tree.top.id.empty() ? json() : branch_json(of, tree.top);
    applications.push_back(std::move(application));
  }
  return {{"applications", std::move(applications)}};
}

json process_document(node::instance& in, const runtime::process_info& info) {
  const node::snapshots& of = in.snapshots();
  const runtime::process_summary& p = info.summary;
  json document = summary_json(of, p);
  json monitors = json::array();
  for (const auto& watched : info.monitors)
    monitors.push_back(runtime::to_text(watched, in.runtime().nodes()));
  document["mailbox"] = {{"length", p.messages},
                         {"bytes", p.message_bytes},
                         {"oldest_ms", info.oldest_message_age / ns_per_ms},
                         {"dropped", info.dropped}};
  document["actor"] = text_json(p.is.actor);
  document["generation"] = p.is.generation;
  document["parent"] = pid_json(of, info.parent);
  document["group_leader"] = pid_json(of, info.group_leader);
  document["priority"] = runtime::to_string(info.priority);
  document["trap_exit"] = info.trap_exit;
  document["worker"] = p.worker;
  document["ends"] = json::array();
  for (const auto& end : of.ends_of(info)) document["ends"].push_back(end_json(end));
  document["links"] = pids_json(of, info.links);
  document["monitors"] = std::move(monitors);
  document["monitored_by"] = pids_json(of, info.monitored_by);
  return document;
}

json jobs_document(const std::vector<services::cron_row>& jobs, const std::vector<std::string>& away) {
  json all = json::array();
  for (const services::cron_row& one : jobs) {
    const cron::job_report& told = one.told;
    const auto time = [&one](const std::optional<cron::instant>& when) {
      return when ? json(one.in.print(*when)) : json();
    };
    all.push_back({{"name", told.name},
                   {"at", one.at},
                   {"timezone", one.in.name()},
                   {"enabled", told.enabled},
                   {"where", one.on_one_node || !one.group.empty() ? "one" : "node"},
                   {"group", text_json(one.group)},
                   {"here", told.here},
                   {"next", time(told.next)},
                   {"last", time(told.last)},
                   {"outcome", told.last_succeeded ? json(*told.last_succeeded ? "ok" : "failed") : json()},
                   {"took_ms", told.last_took.count() / ns_per_ms},
                   {"under_way", told.under_way},
                   {"warning", text_json(services::warning_of(one))},
                   {"waiting", told.waiting},
                   {"runs", told.runs},
                   {"failures", told.failures},
                   {"retries", told.retries},
                   {"skipped", told.skipped},
                   {"missed", told.missed}});
  }
  const bool any_on_one = std::ranges::any_of(jobs, &services::cron_row::on_one_node);
  return {{"jobs", std::move(all)}, {"peers_away", any_on_one ? json(away) : json::array()}};
}

json coming_document(const std::vector<std::pair<cron::instant, services::cron_row>>& coming, bool all) {
  json next = json::array();
  for (const auto& [at, job] : coming)
    next.push_back({{"at", job.in.print(at)}, {"name", job.told.name}, {"timezone", job.in.name()}});
  return {{"next", std::move(next)}, {"all", all}};
}

namespace {

constexpr int deepest_report = 8;

json term_json(etf::cursor& at, int depth) {
  std::uint64_t number = 0;
  std::uint32_t count = 0;
  std::string_view name;
  etf::bytes text;
  const auto fall_through = [&at] { return static_cast<void>(at.skip()), json(); };
  if (depth > deepest_report) return fall_through();
  switch (at.peek()) {
    case etf::kind::integer:
      return at.read_unsigned(number) ? json(number) : fall_through();
    case etf::kind::atom:
      if (!at.read_atom(name)) return fall_through();
      return name == "true"        ? json(true)
             : name == "false"     ? json(false)
             : name == "undefined" ? json()
                                   : json(name);
    case etf::kind::binary:
      if (!at.read_binary(text)) return fall_through();
      return std::string(reinterpret_cast<const char*>(text.data()), text.size());
    case etf::kind::nil:
    case etf::kind::list: {
      json list = json::array();
      if (!at.read_list(count)) return fall_through();
      if (count == 0) return list;
      for (; count != 0; --count) list.push_back(term_json(at, depth + 1));
      at.skip(); // its tail
      return list;
    }
    case etf::kind::map: {
      json map = json::object();
      if (!at.read_map(count)) return fall_through();
      for (; count != 0; --count) {
        if (!at.read_atom(name)) return map;
        map[std::string(name)] = term_json(at, depth + 1);
      }
      return map;
    }
    default:
      return fall_through();
  }
}

} // namespace

json report_document(const runtime::message& report) {
  etf::cursor at(report.bytes());
  return term_json(at, 0);
}

json wait_json(const runtime::waited_for& wait) {
  if (wait.what == runtime::waited_for::kind::nothing) return {};
  const base::nanos now = base::mono_now();
  const bool ends = wait.deadline != runtime::no_deadline;
  return {{"for", runtime::to_string(wait.what)},
          {"whom", text_json(wait.whom)},
          {"since_ms", std::max<base::nanos>(0, now - wait.since) / ns_per_ms},
          {"left_ms", ends ? json(std::max<base::nanos>(0, wait.deadline - now) / ns_per_ms) : json()}};
}

json handles_json(const runtime::occupation& told) {
  if (told.since == 0 || (told.callback.empty() && told.caller.empty())) return {};
  return {{"callback", text_json(told.callback)},
          {"message", text_json(told.message)},
          {"whom", text_json(told.caller)},
          {"since_ms", std::max<base::nanos>(0, base::mono_now() - told.since) / ns_per_ms}};
}

json waiting_json(const runtime::occupation& told) {
  json out = json::array();
  for (const runtime::waiting_message& one : told.next)
    out.push_back({{"what", one.what},
                   {"from", text_json(one.from)},
                   {"age_ms", one.age < 0 ? json() : json(one.age / ns_per_ms)}});
  return out;
}

json nodes_document(const node::snapshots& of) {
  json nodes = json::array();
  const auto time = [](base::nanos wall) { return wall == 0 ? json() : json(base::format_wall(wall)); };
  for (const auto& peer : of.peers()) {
    nodes.push_back({{"name", peer.name},
                     {"state", peer.state},
                     {"direction", text_json(peer.direction)},
                     {"hidden", peer.hidden},
                     {"tls", text_json(peer.tls)},
                     {"messages_in", peer.messages_in},
                     {"messages_out", peer.messages_out},
                     {"bytes_in", peer.bytes_in},
                     {"bytes_out", peer.bytes_out},
                     {"queued", peer.queued_bytes},
                     {"since", time(peer.since)},
                     {"last_contact", time(peer.heard)},
                     {"losses", peer.losses},
                     {"kept", peer.kept},
                     {"held", peer.held},
                     {"last_error", text_json(peer.last_error)}});
  }
  return {{"nodes", std::move(nodes)}};
}

json plugins_document(node::instance& of) {
  std::map<std::string, base::nanos, std::less<>> ran; // processor time by plugin
  for (const runtime::class_work& one : runtime::work_by_class(of.runtime()))
    ran[one.plugin] += std::accumulate(one.ran.begin(), one.ran.end(), base::nanos{0});
  // A handler whose thread is stuck has not been counted yet: that happens when it returns.
  for (const runtime::stuck_handler& one : runtime::stuck_handlers(of.runtime()))
    if (const auto known = of.runtime().info(one.pid)) ran[known->summary.is.plugin] += one.ran;
  json plugins = json::array();
  for (const auto& plugin : of.snapshots().plugins()) {
    json kept = json::array();
    for (const auto& former : plugin.kept)
      kept.push_back({{"generation", former.generation}, {"reason", former.reason}});
    plugins.push_back({{"id", plugin.id},
                       {"version", plugin.version},
                       {"generation", plugin.generation},
                       {"actors", plugin.actors},
                       {"memory", plugin.memory ? json(*plugin.memory) : json()},
                       {"cpu_us", ran[plugin.id] / ns_per_us},
                       {"file", plugin.path},
                       {"kept", std::move(kept)}});
  }
  return {{"plugins", std::move(plugins)}};
}

namespace {

json change_list(const std::vector<node::planned_change>& from) {
  json changes = json::array();
  for (const auto& one : from) {
    json change{{"action", one.action}, {"path", one.path}, {"keys", one.keys}};
    const bool of_key = one.action == "set" || one.action == "refuse";
    change["before"] = of_key ? json::parse(one.before, nullptr, false) : json();
    change["after"] = of_key ? json::parse(one.after, nullptr, false) : json();
    changes.push_back(std::move(change));
  }
  return changes;
}

} // namespace

json changes_document(const node::apply_outcome& outcome) {
  json diagnostics = json::array();
  for (const auto& one : outcome.diagnostics) {
    const bool error = one.severity == spec::severity::error;
    diagnostics.push_back({{"severity", error ? "error" : "warning"},
                           {"file", one.file},
                           {"line", one.line},
                           {"column", one.column},
                           {"message", one.message},
                           {"hint", one.hint},
                           {"excerpt", one.excerpt},
                           {"caret", one.caret}});
  }
  return {{"valid", outcome.valid},
          {"applied", outcome.applied},
          {"changes", change_list(outcome.changes)},
          {"rest", change_list(outcome.rest)},
          {"diagnostics", std::move(diagnostics)},
          {"differences", outcome.differences},
          {"next_start", text_json(outcome.next_start)}};
}

json reload_document(const node::snapshots& of, const node::reload_report& report) {
  const auto version = [](const node::plugin_version& v) {
    return json{{"version", v.version}, {"build_id", v.build_id}, {"generation", v.generation}};
  };
  json plugins = json::array();
  for (const auto& plugin : report.plugins) {
    json actors = json::array();
    for (const auto& actor : plugin.actors)
      actors.push_back({{"pid", of.text_of(actor.pid)},
                        {"path", text_json(actor.path)},
                        {"type", actor.type},
                        {"outcome", node::text(actor.outcome)},
                        {"reason", text_json(actor.reason)}});
    plugins.push_back({{"id", plugin.id},
                       {"from", version(plugin.from)},
                       {"to", version(plugin.to)},
                       {"actors", std::move(actors)}});
  }
  json kept = json::array();
  for (const auto& former : report.kept)
    kept.push_back({{"plugin", former.plugin}, {"generation", former.generation}, {"reason", former.reason}});
  return {{"dry_run", report.dry_run},
          {"plugins", std::move(plugins)},
          {"pause_ms", fraction_of_ms(report.pause)},
          {"drain_ms", fraction_of_ms(report.drain)},
          {"save_ms", fraction_of_ms(report.save)},
          {"restore_ms", fraction_of_ms(report.restore)},
          {"kept", std::move(kept)}};
}

} // namespace coppice::control
