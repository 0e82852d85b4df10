// SPDX-License-Identifier: MIT
// What the parts of a node do together: the current configuration, places in the tree, the end of the
// applications. See components.hpp.
#include "node/instance/components.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>

#include "base/heap_account.hpp"
#include "base/log.hpp"
#include "behaviours/application/controller.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "node/assembly/assemble.hpp"
#include "node/instance/target.hpp"
#include "node/shown/node_metrics.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::node {
namespace {

constexpr std::string_view module = "node";

// Time for stopping beyond the shutdown times.
constexpr base::nanos stop_grace = 5 * base::nanos_per_second;

loader::loader_options with_tables(metrics::board& board, behaviours::event_channels& events,
                                   loader::loader_options how) {
  how.metrics = &board;
  how.events = &events;
  return how;
}

// Whether this is the path of a process under an application's supervisors: APPLICATION/…
bool is_in_application(std::string_view path, const std::vector<behaviours::application_spec>& all) {
  const auto slash = path.find('/');
  return slash != path.npos &&
         std::ranges::find(all, path.substr(0, slash), &behaviours::application_spec::name) != all.end();
}

void collect_terminated(const behaviours::tree_entry& entry, const std::string& path,
                        std::vector<switched_off>& to) {
  if (entry.terminated) to.push_back({"child", path});
  for (const auto& child : entry.children) collect_terminated(child, path + "/" + child.id, to);
}

runtime::message pid_term(const runtime::pid& pid, const runtime::system& host) {
  runtime::message_writer out;
  runtime::write(out, pid, host.nodes());
  return out.take();
}

base::error absent(std::string_view path, std::string_view step) {
  return {base::errc::not_found, fmt::format("there is no {} in {}", step, path)};
}

} // namespace

std::string_view text(node_state state) {
  switch (state) {
    case node_state::starting:
      return "starting";
    case node_state::running:
      return "running";
    case node_state::reloading:
      return "reloading";
    case node_state::stopping:
      return "stopping";
  }
  return "";
}

components::components(std::shared_ptr<const configuration> wanted, configuration_source from,
                       loader::loader_options loading)
    : started_with(wanted),
      durable_log(wanted->spec.node.data + "/log"),
      plugins(with_tables(counted, events, std::move(loading))),
      board(wanted->applications),
      source(std::move(from)),
      cron(std::make_shared<services::cron_jobs>(wanted->spec.node.data + "/cron.json")),
      system(runtime_options(wanted->spec)),
      events(system),
      history(wanted->spec.node.data + "/history"),
      current_(std::move(wanted)),
      sagas_(std::make_shared<const saga_names>(saga_names_of(current_->spec))) {
  declare_metrics(counted, {[this] { return cron->report(); }, [this] { return events.report(); },
                            [this] { return loaded_plugins(); }, [this] { return net->peers(); }});
}

std::shared_ptr<const configuration> components::current() const {
  const std::scoped_lock held(current_lock_);
  return current_;
}

void components::set_current(std::shared_ptr<const configuration> now) {
  auto sagas = std::make_shared<const saga_names>(saga_names_of(now->spec));
  const std::scoped_lock held(current_lock_);
  current_.swap(now);
  sagas_.swap(sagas);
}

std::shared_ptr<const saga_names> components::configured_sagas() const {
  const std::scoped_lock held(current_lock_);
  return sagas_;
}

void components::end(ending reason) {
  ending none = ending::none;
  if (why.compare_exchange_strong(none, reason) && on_ending) on_ending();
}

void components::show_changing(bool any) {
  node_state from = any ? node_state::running : node_state::reloading;
  state.compare_exchange_strong(from, any ? node_state::reloading : node_state::running);
  notes.tell();
}

void components::lost(std::string_view what) {
  if (applications_end.has_begun()) return;
  base::log::error(module, "{} ended: the node stops", what);
  ready.settle(base::fail(base::errc::closed, fmt::format("{} ended", what)));
  end(ending::service);
}

void components::stop_applications() {
  system.notify(controller, behaviours::application_controller::stop_message());
  std::optional<base::nanos> bound = stop_bound(current()->applications);
  if (bound) *bound += stop_grace;
  pid_set killed;
  if (!applications_end.wait(bound, [&] { kill_actors(killed); }))
    base::log::error(module, "the applications did not stop: going on without them");
}

// Kills all actors but no supervisor. The supervisors then have nothing to wait for, and the tree ends at
// once.
void components::kill_actors(pid_set& killed) {
  const auto now = current();
  for (const runtime::process_summary& each : system.processes()) {
    if (each.is.supervises || killed.contains(each.pid)) continue;
    const auto seen = system.info(each.pid);
    if (!seen || !is_in_application(seen->path, now->applications)) continue;
    killed.insert(each.pid);
    base::log::warning(module, "{} is killed: the stop was shortened", seen->path);
    system.exit(each.pid, runtime::reasons::kill());
  }
}

std::vector<switched_off> components::switched_off_by_hand() const {
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

std::vector<plugin_status> components::loaded_plugins() const {
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

std::optional<runtime::pid> components::top_of(std::string_view application) const {
  for (const auto& row : board.rows()) {
    if (row.name == application) return row.top;
  }
  return std::nullopt;
}

base::result<tree_place> components::place_of(std::string_view path) {
  const std::string_view application = path.substr(0, path.find('/'));
  const auto top = top_of(application);
  if (!top) return unexpected(absent("this node", application));
  if (!*top) return base::fail(base::errc::refused, std::string(application) + " does not run");
  tree_place at{*top, {}};
  for (std::string_view rest = path.substr(application.size());;) {
    rest.remove_prefix(1);
    const std::string_view step = rest.substr(0, rest.find('/'));
    std::optional<behaviours::child_row> found =
        tree.child(at.supervisor, runtime::message::atom(step).bytes());
    if (!found) {
      // The child's id is no plain atom: the step is another term, or the pid of a child without an id.
      const auto term = parse_term(step, system);
      etf::cursor in(term ? term->bytes() : etf::bytes());
      const auto pid = term ? runtime::read_pid(in, system.nodes()) : std::nullopt;
      if (pid) found = tree.child(at.supervisor, *pid);
      if (!found && term) found = tree.child(at.supervisor, term->bytes());
    }
    if (!found) return unexpected(absent(path.substr(0, path.size() - rest.size() - 1), step));
    if (step.size() == rest.size()) {
      at.child = found->id ? found->id : pid_term(found->pid, system);
      return at;
    }
    if (!found->pid || !found->spec->is_supervisor()) {
      return base::fail(base::errc::invalid, fmt::format("{} is no running supervisor", step));
    }
    at.supervisor = found->pid;
    rest.remove_prefix(step.size());
  }
}

base::result<runtime::pid> components::process_at(std::string_view path) {
  if (path.find('/') == std::string_view::npos) {
    const auto top = top_of(path);
    if (top && *top) return *top;
    return base::fail(base::errc::not_found, std::string(path) + " does not run");
  }
  const auto place = place_of(path);
  if (!place) return unexpected(place.error());
  const auto row = tree.child(place->supervisor, place->child.bytes());
  if (!row || !row->pid) return base::fail(base::errc::not_found, std::string(path) + " does not run");
  return row->pid;
}

} // namespace coppice::node
