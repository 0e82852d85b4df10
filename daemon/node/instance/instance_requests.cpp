// SPDX-License-Identifier: MIT
// What a node shows and does for those outside its runtime. Snapshots are copies; a request that has to
// wait does so in a process of its own. Any thread.
#include <coppice/etf/cursor.hpp>

#include "base/descriptors.hpp"
#include "base/heap_account.hpp"
#include "base/log_settings.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "behaviours/gen/system_notice.hpp"
#include "behaviours/raft/raft_counters.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/supervision/order.hpp"
#include "host/boundary/saga_state.hpp"
#include "node/environment/writable.hpp"
#include "node/instance/components.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/requester.hpp"
#include "node/instance/target.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::node {
namespace {

using behaviours::gen::call_error;
using behaviours::gen::call_result;

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

// Children started at run time have no behaviour in their specification; their process knows it.
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

void collect_terminated(const behaviours::tree_entry& entry, const std::string& path,
                        std::vector<switched_off>& to) {
  if (entry.terminated) to.push_back({"child", path});
  for (const auto& child : entry.children) collect_terminated(child, path + "/" + child.id, to);
}

base::status sent(runtime::send_status how) {
  if (how == runtime::send_status::ok) return {};
  return base::fail(base::errc::limit, "its mailbox is full");
}

} // namespace

node_status instance::status() const {
  const components& p = *components_;
  node_status out;
  out.name = spec().node.name;
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
  out.changes = components_->line.rows();
  if (p.differs) out.differences = p.differences();
  out.off = p.switched_off_by_hand();
  out.draining = p.draining;
  out.former = p.life.former();
  change_notes::words came_of = p.notes.last();
  out.last_apply = std::move(came_of.apply);
  out.last_reload = std::move(came_of.reload);
  return out;
}

std::vector<switched_off> instance::components::switched_off_by_hand() const {
  std::vector<switched_off> out;
  for (const auto& one : counted.rows<behaviours::tcp_counters>())
    if (one.counters->suspended.load(std::memory_order_relaxed)) out.push_back({"listener", one.label});
  if (tree.terminated() != 0) {
    for (const auto& row : board.rows()) {
      if (!row.top) continue;
      behaviours::tree_entry top;
      top.children = tree.children_of(row.top);
      collect_terminated(top, row.name, out);
    }
  }
  for (const cron::job_report& one : cron->report())
    if (one.switched_off) out.push_back({"job", one.name});
  return out;
}

node_status instance::status_with_disk() const {
  node_status out = status();
  out.on_disk = components_->disk.look(components_->source, components_->current());
  out.short_of_descriptors = base::only_last_descriptors_left();
  out.durable_log = components_->durable_log.report();
  const base::nanos now = base::mono_now();
  for (const auto& one : components_->counted.rows<behaviours::raft::raft_counters>()) {
    const auto since = static_cast<base::nanos>(one.counters->leaderless_since.value());
    raft_status about{one.label,
                      0,
                      one.counters->parked_at.value(),
                      one.counters->stopped.value() != 0,
                      one.counters->bad_snapshot.value() != 0,
                      one.counters->no_snapshots.value() != 0,
                      one.counters->differs_at.value()};
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
        about.no_snapshots || about.lacks_version || about.differs_at != 0 || about.waits != 0 ||
        about.slow_write != 0)
      out.raft.push_back(std::move(about));
  }
  const auto sagas = components_->counted.rows<host::saga_state>();
  components_->durable_log.look([&](const durable::shared_log& log) {
    const auto known = components_->configured_sagas();
    std::set<std::string> read = known->durable;
    for (const auto& one : sagas)
      if (!known->in_memory.contains(one.label)) read.insert(one.label);
    out.unread_sagas = components_->unread.look(log, read);
  });
  for (const auto& one : sagas) {
    const host::saga_state& is = *one.counters;
    saga_status about{one.label, is.in_doubt.value(), is.in_doubt_since.age(now), is.parked.value(),
                      is.first_ending.age(now)};
    if (about.oldest <= static_cast<base::nanos>(is.longest_doubt.value())) about.oldest = 0;
    if (about.overdue <= static_cast<base::nanos>(is.grace.value())) about.overdue = 0;
    if (about.oldest != 0 || about.parked != 0 || about.overdue != 0) out.sagas.push_back(std::move(about));
  }
  const std::string data = components_->current()->spec.node.data;
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

base::result<std::vector<application_tree>> instance::tree(std::string_view application) const {
  std::vector<application_tree> out;
  for (const auto& row : components_->board.rows()) {
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
    one.top.children = components_->tree.children_of(row.top);
    complete(one.top.children, components_->system);
  }
  if (out.empty() && !application.empty()) {
    return base::fail(base::errc::not_found, "there is no application " + std::string(application));
  }
  return out;
}

std::vector<std::string> instance::degraded() const {
  if (components_->tree.given_up() == 0) return {};
  std::vector<std::string> out;
  for (const auto& row : components_->board.rows()) {
    if (!row.top) continue;
    behaviours::tree_entry top;
    top.children = components_->tree.children_of(row.top);
    collect_given_up(top, row.name, out);
  }
  return out;
}

std::vector<behaviours::child_end> instance::ends_of(const runtime::process_info& process) const {
  return components_->tree.ends(process.parent, process.summary.pid);
}

std::vector<runtime::process_summary> instance::processes() const {
  return components_->system.processes();
}

base::result<runtime::process_info> instance::info(std::string_view process) const {
  auto to = resolve(process);
  if (!to) return unexpected(std::move(to.error()));
  if (!to->here()) return base::fail(base::errc::invalid, "it lives on another node: ask that one");
  using kind = runtime::destination::kind;
  auto found = to->what() == kind::process ? components_->system.info(to->process())
                                           : components_->system.info(to->name());
  if (!found) return base::fail(base::errc::not_found, "no process here has that pid or name");
  return std::move(*found);
}

std::vector<peer_status> instance::peers() const {
  return components_->net->peers();
}

std::vector<std::string> instance::peers_away() const {
  return components_->net->peers_away();
}

std::vector<plugin_status> instance::plugins() const {
  return components_->loaded_plugins();
}

std::vector<plugin_status> instance::components::loaded_plugins() const {
  std::vector<plugin_status> out;
  const auto unused = plugins.kept();
  for (const loader::loaded_plugin& from : plugins.loaded()) {
    plugin_status& one = out.emplace_back();
    one = {from.id, from.version, from.file, from.generation, from.actors, {}};
    if (base::heap::counts() && from.charged != base::heap::unknown)
      one.memory = base::heap::bytes_of(from.charged);
    for (const loader::kept_image& former : unused)
      if (former.plugin == from.id) one.kept.push_back({former.generation, former.reason});
  }
  return out;
}

const metrics::board& instance::counted() const {
  return components_->counted;
}

const std::string& instance::cookie_file() const {
  return components_->cookie_file;
}

std::string instance::text_of(const runtime::pid& pid) const {
  return runtime::to_text(pid, components_->system.nodes());
}

base::result<runtime::message> instance::parse(std::string_view term) const {
  return parse_term(term, components_->system);
}

base::result<runtime::destination> instance::resolve(std::string_view target) const {
  auto to = parse_target(target, components_->system);
  const bool is_name = to && to->here() && to->what() == runtime::destination::kind::name;
  if (!is_name || target.find('/') == target.npos || components_->system.whereis(to->name())) return to;
  const auto child = components_->process_at(target);
  if (!child) return unexpected(child.error());
  return runtime::destination(*child);
}

void instance::call(const runtime::destination& to, runtime::message request, base::nanos timeout,
                    call_done done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<call_result>(
      components_->system,
      [to, request = std::move(request), deadline](runtime::process& self) {
        return behaviours::gen::call_for_client(self, to, request, deadline);
      },
      std::move(done), unexpected(call_error{call_error::kind::exiting, {}}),
      [](const base::error&) -> call_result {
        return unexpected(call_error{call_error::kind::exit, runtime::message::atom("system_limit")});
      });
}

base::status instance::cast(const runtime::destination& to, const runtime::message& request) {
  runtime::message_writer out(request.size() + 16);
  out.tuple(2);
  out.atom("$gen_cast");
  out.raw(request.bytes());
  return sent(components_->system.send(to, out.take()));
}

base::status instance::send(const runtime::destination& to, runtime::message m) {
  return sent(components_->system.send(to, std::move(m)));
}

void instance::occupation_of(const runtime::pid& process, base::nanos timeout,
                             std::function<void(std::optional<runtime::occupation>)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<std::optional<runtime::occupation>>(
      components_->system,
      [process, deadline](runtime::process& self) { return ask_occupation(self, process, deadline); },
      std::move(done), std::nullopt);
}

void instance::state_of(const runtime::pid& process, behaviours::shown_part wanted, base::nanos timeout,
                        std::function<void(behaviours::shown_state)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<behaviours::shown_state>(components_->system,
                                            [process, wanted, deadline](runtime::process& self) {
                                              return behaviours::ask_shown_state(self, process, deadline,
                                                                                 wanted);
                                            },
                                            std::move(done), {});
}

bool instance::runs_engine(const runtime::process_info& process) const {
  const runtime::process_summary& is = process.summary;
  return !is.is.plugin.empty() || is.is.supervises || components_->tree.child(process.parent, is.pid);
}

void instance::engine_of(const runtime::pid& process, runtime::message change, base::nanos timeout,
                         std::function<void(base::result<runtime::message>)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::result<runtime::message>>(
      components_->system,
      [process, change = std::move(change),
       deadline](runtime::process& self) -> base::result<runtime::message> {
        const auto unanswered = [deadline]() -> base::error {
          if (base::mono_now() >= deadline) return {base::errc::timeout, "not done in time; it goes on"};
          return {base::errc::closed, "it has ended meanwhile"};
        };
        if (change) {
          const call_result changed = behaviours::call_engine(self, process, change, deadline);
          if (!changed) return unexpected(unanswered());
          etf::cursor at(changed->bytes());
          std::string_view word;
          if (at.read_tuple_of(2) && at.read_atom(word)) {
            if (word == "error")
              return base::fail(base::errc::refused, runtime::shown(changed->slice(at.rest()), 1000));
            if (word == "report") return changed->slice(at.rest()).compact();
          }
        }
        behaviours::shown_state shown =
            behaviours::ask_shown_state(self, process, deadline, behaviours::shown_part::without_state);
        if (!shown.engine) return unexpected(unanswered());
        return std::move(shown.engine);
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

void instance::stop_debugging(const runtime::pid& process, base::nanos timeout,
                              std::function<void(base::status)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::status>(
      components_->system,
      [process, deadline](runtime::process& self) -> base::status {
        runtime::message_writer body;
        body.tuple(2);
        body.atom("debug");
        body.atom("no_debug");
        const auto answer = behaviours::ask_by_notice(self, process, body.take().bytes(), deadline);
        if (answer) return {};
        if (answer.error().what == call_error::kind::timeout)
          return base::fail(base::errc::timeout, "it has not answered in time");
        return base::fail(base::errc::closed, "it has ended meanwhile");
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

std::vector<applied_entry> instance::history() const {
  return components_->history.entries();
}

void instance::set_draining(bool on) {
  components_->draining = on;
  components_->notes.tell();
}

void instance::switch_job(std::string_view name, bool on, std::function<void(base::status)> done) {
  if (auto switched = components_->cron->enable(name, on); !switched) return done(std::move(switched));
  ask_from_outside<base::status>(
      components_->system,
      [jobs = components_->cron](runtime::process& self) {
        base::status kept;
        const base::status ran = self.blocking_run([&] { kept = jobs->save(); });
        return ran ? kept : ran;
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

void instance::connect(std::string_view peer, base::nanos timeout, std::function<void(base::status)> done) {
  components_->net->resume_peer(peer);
  const auto index = components_->system.nodes().intern(peer);
  if (!index) return done(base::fail(base::errc::limit, "too many node names are known to take another"));
  if (*index == 0) return done({});
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::status>(
      components_->system,
      [this, name = std::string(peer), node = *index, deadline](runtime::process& self) -> base::status {
        const runtime::reference ref = self.make_ack();
        components_->net->router().connect(node, ref);
        const auto answer = self.await(ref, deadline);
        if (!answer) return base::fail(base::errc::timeout, "no answer in time");
        etf::cursor at(answer->bytes());
        bool connected = false;
        if (at.read_tuple_of(2) && at.skip() && at.read_bool(connected) && connected) return {};
        for (const peer_status& one : peers()) {
          if (one.name == name && !one.last_error.empty())
            return base::fail(base::errc::refused, one.last_error);
        }
        return base::fail(base::errc::refused, "it cannot be reached");
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

base::status instance::disconnect(std::string_view peer) {
  return components_->net->disconnect(peer);
}

} // namespace coppice::node
