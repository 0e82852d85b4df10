// SPDX-License-Identifier: MIT
// Snapshots are made from the components' published tables and counters, and from files where the header says
// so. See snapshots.hpp.
#include "node/instance/snapshots.hpp"

#include "base/descriptors.hpp"
#include "base/log_settings.hpp"
#include "behaviours/raft/raft_counters.hpp"
#include "host/boundary/saga_state.hpp"
#include "node/environment/writable.hpp"
#include "node/instance/components.hpp"
#include "node/instance/target.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::node {
namespace {

application_status status_of(const behaviours::application_row& row) {
  application_status out;
  out.name = row.name;
  out.type = text(row.type);
  out.state = text(row.state);
  if (row.reason) out.reason = runtime::shown(row.reason);
  out.pid = row.top;
  out.started = row.started;
  return out;
}

// The specification of a child that was started at run time has no behaviour; its process knows it.
void complete(std::vector<behaviours::tree_entry>& entries, const runtime::system& host) {
  for (behaviours::tree_entry& entry : entries) {
    if (entry.pid && entry.behaviour.empty()) {
      if (const auto info = host.info(entry.pid)) entry.behaviour = info->summary.is.behaviour;
    }
    complete(entry.children, host);
  }
}

void collect_given_up(const behaviours::tree_entry& entry, const std::string& path,
                      std::vector<std::string>& to) {
  if (entry.state == behaviours::child_state::given_up) to.push_back(path);
  for (const auto& child : entry.children) collect_given_up(child, path + "/" + child.id, to);
}

} // namespace

node_status snapshots::status() const {
  const components& p = of_;
  node_status out;
  out.name = of_.started_with->spec.node.name;
  out.creation = p.system.creation();
  out.version = COPPICE_VERSION;
  out.state = p.state;
  out.started = p.started_wall;
  out.uptime = base::mono_now() - p.started;
  out.workers = p.system.workers();
  out.runtime = p.system.counters();
  if (out.runtime.stuck_threads != 0) out.stuck = runtime::stuck_handlers(p.system);
  out.processes = out.runtime.processes;
  for (peer_status& one : p.net->peers()) {
    if (one.state == "connected") {
      ++out.connections;
    } else if (one.kept) {
      out.away.push_back(std::move(one));
    }
  }
  if (!out.away.empty()) out.jobs_alone = p.cron->on_one_node();
  for (const services::cron_row& one : p.cron->rows())
    if (std::string why = services::warning_of(one); !why.empty())
      out.job_warnings.push_back({one.told.name, std::move(why)});
  out.plugins = p.plugins.loaded().size();
  out.restarts = p.tree.restarts();
  out.restarts_of_node = p.restarts_of_node;
  out.given_up = p.tree.given_up();
  out.listening = p.net->listening();
  out.epmd = p.net->epmd_text();
  out.certificates = p.net->certificates();
  for (const auto& row : p.board.rows()) out.applications.push_back(status_of(row));
  out.changes = of_.line.rows();
  if (p.differs) out.differences = p.differences();
  out.off = p.switched_off_by_hand();
  out.draining = p.drain.is_on;
  out.former = p.life.former();
  change_notes::words came_of = p.notes.last();
  out.last_apply = std::move(came_of.apply);
  out.last_reload = std::move(came_of.reload);
  return out;
}

node_status snapshots::status_with_disk() const {
  node_status out = status();
  out.on_disk = of_.disk.look(of_.source, of_.current());
  out.short_of_descriptors = base::only_last_descriptors_left();
  out.durable_log = of_.durable_log.report();
  const base::nanos now = base::mono_now();
  for (const auto& one : of_.counted.rows<behaviours::raft::raft_counters>()) {
    const auto since = static_cast<base::nanos>(one.counters->leaderless_since.value());
    raft_status about{one.label,
                      0,
                      one.counters->parked_at.value(),
                      one.counters->stopped.value() != 0,
                      one.counters->bad_snapshot.value() != 0,
                      one.counters->no_snapshots.value() != 0,
                      one.counters->differs_at.value()};
    about.too_large_state = one.counters->too_large_state.value();
    about.too_large_snapshot = one.counters->too_large_snapshot.value();
    about.largest_state = one.counters->largest_state.value();
    if (const std::uint64_t lacks = one.counters->lacks_version.value(); lacks != 0)
      about.lacks_version = static_cast<std::uint32_t>(lacks - 1);
    const auto patience = static_cast<base::nanos>(one.counters->patience.value());
    if (since != 0 && now - since > patience) about.leaderless = now - since;
    const auto waits = static_cast<base::nanos>(one.counters->waits_since.value());
    if (waits != 0 && now - waits > patience) about.waits = now - waits;
    const auto slow_at = static_cast<base::nanos>(one.counters->slow_write_at.value());
    if (slow_at != 0 && now - slow_at < behaviours::raft::slow_write_shown)
      about.slow_write = static_cast<base::nanos>(one.counters->slow_write.value());
    if (about.leaderless != 0 || about.parked_at != 0 || about.stopped || about.bad_snapshot ||
        about.no_snapshots || about.too_large_snapshot != 0 || about.lacks_version || about.differs_at != 0 ||
        about.waits != 0 || about.slow_write != 0)
      out.raft.push_back(std::move(about));
  }
  const auto sagas = of_.counted.rows<host::saga_state>();
  of_.durable_log.look([&](const durable::shared_log& log) {
    const auto known = of_.configured_sagas();
    std::set<std::string> read = known->durable;
    for (const auto& one : sagas)
      if (!known->in_memory.contains(one.label)) read.insert(one.label);
    out.unread_sagas = of_.unread.look(log, read);
  });
  for (const auto& one : sagas) {
    const host::saga_state& is = *one.counters;
    saga_status about{one.label, is.in_doubt.value(), is.in_doubt_since.age(now), is.parked.value(),
                      is.first_ending.age(now)};
    if (about.oldest <= static_cast<base::nanos>(is.longest_doubt.value())) about.oldest = 0;
    if (about.overdue <= static_cast<base::nanos>(is.grace.value())) about.overdue = 0;
    if (about.oldest != 0 || about.parked != 0 || about.overdue != 0) out.sagas.push_back(std::move(about));
  }
  const std::string data = of_.current()->spec.node.data;
  if (std::string why = why_unwritable(data); !why.empty())
    out.cannot_write.push_back({unwritable::kind::data, data, std::move(why)});
  for (base::log::unwritable_file& one : base::log::unwritable_files())
    out.cannot_write.push_back({unwritable::kind::log, std::move(one.path), std::move(one.why)});
  for (base::log::handler_report& one : base::log::handler_reports())
    if (!one.failing.empty())
      out.cannot_write.push_back(
          {unwritable::kind::handler, base::log::handler_label(one.target.name), std::move(one.failing)});
  return out;
}

base::result<std::vector<application_tree>> snapshots::tree(std::string_view application) const {
  std::vector<application_tree> out;
  for (const auto& row : of_.board.rows()) {
    if (!application.empty() && row.name != application) continue;
    application_tree& one = out.emplace_back();
    one.application = status_of(row);
    one.top.id = row.name;
    one.top.is_supervisor = true;
    one.top.behaviour = "supervisor";
    one.top.name = row.top_name;
    if (!row.top) continue;
    one.top.pid = row.top;
    one.top.state = behaviours::child_state::running;
    one.top.children = of_.tree.children_of(row.top);
    complete(one.top.children, of_.system);
  }
  if (out.empty() && !application.empty()) {
    return base::fail(base::errc::not_found, "there is no application " + std::string(application));
  }
  return out;
}

std::vector<std::string> snapshots::degraded() const {
  if (of_.tree.given_up() == 0) return {};
  std::vector<std::string> out;
  for (const auto& row : of_.board.rows()) {
    if (!row.top) continue;
    behaviours::tree_entry top;
    top.children = of_.tree.children_of(row.top);
    collect_given_up(top, row.name, out);
  }
  return out;
}

std::vector<behaviours::child_end> snapshots::ends_of(const runtime::process_info& process) const {
  return of_.tree.ends(process.parent, process.summary.pid);
}

std::vector<runtime::process_summary> snapshots::processes() const {
  return of_.system.processes();
}

base::result<runtime::process_info> snapshots::info(std::string_view process) const {
  const auto to = child_of_path(process, parse_target_here(process, of_.system));
  return to ? info(*to) : unexpected(to.error());
}

base::result<runtime::process_info> snapshots::info(const runtime::destination& process) const {
  if (!process.here()) return base::fail(base::errc::invalid, std::string(lives_elsewhere));
  using kind = runtime::destination::kind;
  auto found =
      process.what() == kind::process ? of_.system.info(process.process()) : of_.system.info(process.name());
  if (!found) return base::fail(base::errc::not_found, "no process here has that pid or name");
  return std::move(*found);
}

bool snapshots::runs_engine(const runtime::process_info& process) const {
  const runtime::process_summary& is = process.summary;
  return !is.is.plugin.empty() || is.is.supervises || of_.tree.child(process.parent, is.pid);
}

std::vector<peer_status> snapshots::peers() const {
  return of_.net->peers();
}

std::vector<std::string> snapshots::peers_away() const {
  return of_.net->peers_away();
}

std::vector<plugin_status> snapshots::plugins() const {
  return of_.loaded_plugins();
}

const metrics::board& snapshots::counted() const {
  return of_.counted;
}

std::vector<applied_entry> snapshots::history() const {
  return of_.history.entries();
}

const std::string& snapshots::cookie_file() const {
  return of_.cookie_file;
}

std::string snapshots::text_of(const runtime::pid& pid) const {
  return runtime::to_text(pid, of_.system.nodes());
}

base::result<runtime::message> snapshots::parse(std::string_view term) const {
  return parse_term(term, of_.system);
}

base::result<runtime::destination> snapshots::resolve(std::string_view target) const {
  return child_of_path(target, parse_target(target, of_.system));
}

base::result<runtime::destination> snapshots::child_of_path(std::string_view target,
                                                            base::result<runtime::destination> read) const {
  const bool is_name = read && read->here() && read->what() == runtime::destination::kind::name;
  if (!is_name || target.find('/') == target.npos || of_.system.whereis(read->name())) return read;
  const auto child = of_.process_at(target);
  if (!child) return unexpected(child.error());
  return runtime::destination(*child);
}

} // namespace coppice::node
