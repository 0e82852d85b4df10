// SPDX-License-Identifier: MIT
// Applies a configuration, whole or not at all: reads and compares it on the blocking pool, loads the
// plugins that are new, then gives the tree its orders one by one. If an order fails, all before it are
// taken back, the last first. Waits for its place in the node's change_line. Runs in a process of its own.
#include "node/instance/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/text.hpp>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/log_settings.hpp"
#include "behaviours/application/controller.hpp"
#include "node/assembly/assemble.hpp"
#include "node/assembly/event_list.hpp"
#include "node/assembly/job_list.hpp"
#include "node/changes/change_plan.hpp"
#include "node/changes/change_tree.hpp"
#include "node/changes/secret_check.hpp"
#include "node/changes/tree_check.hpp"
#include "node/environment/partial_files.hpp"
#include "node/instance/components.hpp"
#include "spec/child_secrets.hpp"
#include "spec/diff.hpp"
#include "spec/schema/default_files.hpp"

namespace coppice::node {
namespace {

using spec::change_kind;

constexpr std::string_view module = "apply";

std::string_view action(change_kind kind, bool takes_changes) {
  switch (kind) {
    case change_kind::start:
      return "start";
    case change_kind::stop:
      return "stop";
    case change_kind::restart:
      return "restart";
    case change_kind::reconfigure:
      return takes_changes ? "update" : "restart";
    case change_kind::update:
      break;
  }
  return "update";
}

// Makes the list of a difference's changes for people.
class listing {
 public:
  explicit listing(const loader::loader& plugins) : plugins_(plugins) {}

  std::vector<planned_change> of(const spec::difference& from) {
    for (const auto& one : from.settings) {
      out_.push_back({one.while_running ? "set" : "refuse", one.key, {}, one.before, one.after});
    }
    for (const auto& one : from.applications) {
      const std::string& name = (one.after != nullptr ? one.after : one.before)->name;
      if (!one.inside || !one.keys.empty()) add(action(one.what, false), name, one.keys);
      if (one.env && one.what != change_kind::restart) by_env(one, name);
      if (one.inside) inside(*one.inside, name);
    }
    if (from.reordered) out_.push_back({"update", "applications", {"order"}, {}, {}});
    return std::move(out_);
  }

 private:
  void add(std::string_view what, const std::string& path, const std::vector<std::string>& keys) {
    out_.push_back({std::string(what), path, keys, {}, {}});
  }
  void inside(const spec::supervisor_change& of, const std::string& path) {
    std::vector<std::string> keys = of.keys;
    if (of.reordered) keys.emplace_back("children");
    for (std::string& key : keys) key.insert(0, "supervisor.");
    if (!keys.empty()) add("update", path, keys);
    for (const spec::child_change& one : of.children) {
      const spec::child_spec& child = one.after != nullptr ? *one.after : *one.before;
      const std::string below = path + "/" + child.id;
      if (!one.inside || !one.keys.empty()) add(action(one.what, takes_changes(child)), below, one.keys);
      if (one.inside) inside(*one.inside, below);
    }
  }
  // Lists the children that cannot take the env as they run, except those that are listed for a change of
  // their own.
  void by_env(const spec::application_change& of, const std::string& name) {
    listing below(plugins_);
    if (of.inside) below.inside(*of.inside, name);
    std::set<std::string_view> named;
    for (const planned_change& one : below.out_) named.insert(one.path);
    restarts(of.after->supervisor, name, named);
  }
  void restarts(const spec::supervisor_spec& below, const std::string& path,
                const std::set<std::string_view>& named) {
    if (below.strategy == tree::strategy::simple_one_for_one) return; // its template runs nowhere
    for (const spec::child_spec& child : below.children) {
      const std::string where = path + "/" + child.id;
      if (child.supervisor) {
        restarts(*child.supervisor, where, named);
      } else if (!takes_changes(child) && !named.contains(where)) {
        add("restart", where, {"env"});
      }
    }
  }
  // An actor that has secrets is restarted where its args or env change.
  bool takes_changes(const spec::child_spec& child) const {
    return !spec::has_secrets(child) && plugins_.takes_config_change(child.plugin, child.actor_type);
  }

  const loader::loader& plugins_;
  std::vector<planned_change> out_;
};

// How the configuration that a start with the files `names` would read differs from `applied`. Empty: it
// does not. Reads files.
std::string read_by_the_next_start(const std::vector<std::string>& names, const spec::load_options& how,
                                   const spec::node_spec& applied) {
  const spec::outcome loaded = spec::load(names, how);
  std::string why;
  if (!loaded.spec)
    why = "would refuse: " + first_mistake(loaded.diagnostics);
  else if (const spec::difference differs = spec::diff(applied, *loaded.spec); !differs.empty())
    why = "finds other values there: " + in_words(differs);
  return why.empty() ? why : fmt::format("it reads {} and {}", fmt::join(names, ", "), why);
}

// Such as "stop shop/site" or "set node.log.level".
std::string brief(const planned_change& one) {
  return one.action + " " + one.path;
}

} // namespace

// The result of reading and comparing; made on the blocking pool.
struct components::prepared {
  std::shared_ptr<configuration> next;
  spec::difference difference;  // from the current one to `next`
  std::set<std::string> failed; // names of applications
  change_plan plan;
};

bool components::rest_runs(const apply_request& request, const std::vector<std::string>& files,
                           const configuration& current, apply_outcome& out) const {
  const auto named = with_former(files, current.texts, request.only);
  if (!named) {
    out.result = unexpected(named.error());
    return false;
  }
  // Plugins may have come or gone with the named files. The content of the other files does not depend on
  // them.
  spec::load_options ran = source.options;
  ran.plugins = false;
  ran.texts = current.texts;
  std::vector<std::string> names;
  for (const spec::file_text& one : current.texts) names.push_back(one.name);
  const spec::outcome before = spec::load(names, ran);
  ran.texts = named->texts;
  spec::outcome rest = spec::load(named->files, ran);
  if (!rest.spec || !before.spec) {
    out.valid = false;
    out.diagnostics = std::move(rest.diagnostics);
    return false;
  }
  out.rest = listing(plugins).of(spec::diff(*before.spec, *rest.spec));
  if (out.rest.empty()) return true;
  std::vector<std::string> words;
  for (const planned_change& one : out.rest) words.push_back(brief(one));
  constexpr std::size_t most_named = 5;
  const std::size_t more = words.size() > most_named ? words.size() - most_named : 0;
  words.resize(words.size() - more);
  out.result =
      base::fail(base::errc::refused,
                 fmt::format("the rest of the configuration is not what runs: {}{}", fmt::join(words, ", "),
                             more == 0 ? "" : fmt::format(", {} more", more)));
  return false;
}

void components::prepare(const apply_request& request, const configuration& current, apply_outcome& out,
                         prepared& work) {
  std::vector<std::string> asked = request.files.empty() ? source.files : request.files;
  if (request.back) {
    const auto former = history.former(spec::effective_yaml(current.spec));
    if (!former) {
      out.valid = true;
      out.result = base::fail(base::errc::not_found, "nothing was applied before what runs");
      return;
    }
    asked = {*former};
  }
  const auto files = spec::configuration_files(asked);
  spec::outcome loaded = spec::load(files, source.options);
  out.diagnostics = std::move(loaded.diagnostics);
  out.valid = loaded.spec.has_value();
  if (!out.valid) return;
  work.next = std::make_shared<configuration>();
  work.next->spec = std::move(*loaded.spec);
  work.next->texts = std::move(loaded.texts);
  if (!request.only.empty() && !rest_runs(request, files, current, out)) return;
  if (!request.files.empty() || request.back)
    out.next_start =
        read_by_the_next_start(spec::configuration_files(source.files), source.options, work.next->spec);
  work.difference = spec::diff(current.spec, work.next->spec);
  out.changes = listing(plugins).of(work.difference);
  std::string refused;
  for (const planned_change& one : out.changes) {
    if (one.action == "refuse") refused += (refused.empty() ? "" : ", ") + one.path;
  }
  if (!refused.empty()) {
    out.result = base::fail(base::errc::refused, refused + " can't change while the node runs: restart it");
    return;
  }
  if (request.dry_run) return;
  out.result = check_secrets(work.difference);
  if (!out.result) return;
  // A node that began without a plugin has no folder yet for the copy of its first one.
  if (!work.next->spec.plugin_files.empty() && plugins.loaded().empty()) {
    out.result = plugins.prepare();
    if (!out.result) return;
  }
  // The code of a plugin that the running configuration does not name is older than its file may be now: an
  // apply that was refused has loaded it, or one that stopped the plugin's last child has left it loaded.
  for (const spec::plugin_file& file : work.next->spec.plugin_files) {
    const auto& in_use = current.spec.plugin_files;
    if (std::ranges::find(in_use, file.id, &spec::plugin_file::id) == in_use.end()) plugins.release(file.id);
    auto loaded_now = plugins.load(file.id);
    if (!loaded_now) {
      out.result = unexpected(std::move(loaded_now.error()).context("plugin " + file.id));
      return;
    }
  }
  for (const auto& row : board.rows()) {
    if (row.state == behaviours::application_state::failed) work.failed.insert(row.name);
  }
  work.plan = plan(work.difference, work.next->spec, current.applications, work.failed);
}

base::status components::change_tree(runtime::process& self, const configuration& current, prepared& work) {
  const auto name = std::string(behaviours::application_controller::registered_name);
  const change_ground ground{orders, tree, runtime::destination::named(name),
                             [this](std::string_view path) { return process_at(path); }};
  tree_outcome did = node::change_tree(self, ground, work.plan);
  if (!did.replaced || self.exiting()) return did.result;
  base::log::warning(module, "{}: trying once more", did.result.error().text);
  work.plan = plan(work.difference, work.next->spec, current.applications, work.failed);
  return node::change_tree(self, ground, work.plan).result;
}

std::vector<std::string> components::differences() const {
  return tree_differences(tree, board, current()->applications);
}

base::result<change_line::place> components::wait_in_line(runtime::process& self,
                                                          const apply_request& request) {
  const runtime::reference turn = self.make_ack();
  auto place = line.enter(
      {"apply", request.by, request.os_pid},
      [this, turn] { (void)system.send(runtime::destination::alias(turn), runtime::message::atom("turn")); },
      request.kind);
  if (!place || place->has_turn()) return place;
  base::log::info(module, "the apply ({}) waits for its turn", request.by);
  (void)self.await(turn);
  if (self.exiting()) return base::fail(base::errc::closed, "the node stops");
  if (!place->has_turn())
    return base::fail(base::errc::limit, "no stack is left to wait on for its turn, see node.limits.parked");
  return place;
}

apply_outcome components::apply(runtime::process& self, const apply_request& request) {
  apply_outcome out;
  change_line::place mine;
  if (!request.dry_run) {
    auto taken = wait_in_line(self, request);
    if (!taken) {
      out.valid = true;
      out.result = unexpected(std::move(taken.error()));
      return out;
    }
    mine = std::move(*taken);
  }
  const auto before = current();
  prepared work;
  const auto ran = self.blocking_run([&] { prepare(request, *before, out, work); });
  if (!ran) {
    out.valid = true;
    out.result = ran;
  }
  if (!out.valid || !out.result || request.dry_run || self.exiting()) return out;
  out.result = change_tree(self, *before, work);
  if (!out.result) return out;
  out.applied = true;
  use(self, work.difference.settings, work.next->spec);
  net->keep_peers(work.next->spec); // changed or not: a peer that an operator has disconnected comes back
  work.next->applications = work.plan.applications;
  set_current(std::move(work.next));
  out.differences = differences();
  differs = !out.differences.empty();
  if (const auto kept = self.blocking_run([&] { remember(request.by, out.changes); }); !kept)
    base::log::warning(module, "the applied configuration is not remembered: {}", kept.error().text);
  return out;
}

void components::use(runtime::process& self, const std::vector<spec::setting_change>& settings,
                     const spec::node_spec& now) {
  const auto any = [&settings](std::string_view prefix) {
    return std::ranges::any_of(settings, [prefix](const auto& one) { return one.key.starts_with(prefix); });
  };
  if (any("cron.")) cron->change(job_list(now));
  if (any("events.")) events.declare(event_list(now));
  if (!any("node.log.")) return;
  base::status used;
  // It waits up to 2 s for each removed handler's syslog server whose name does not resolve.
  const auto use_log = [&] { used = base::log::use(log_settings(now)); };
  if (!self.blocking_run(use_log) && !self.exiting()) use_log();
  if (!used) base::log::warning(module, "node.log: {}", used.error().text);
  if (any("node.log.handlers")) log_handlers.use(log_actors(now));
}

void components::remember(const std::string& by, const std::vector<planned_change>& changes) {
  const auto now = current();
  const std::string folder = now->spec.node.data;
  base::status written = base::make_folders(folder, 0750);
  if (written) {
    const std::string yaml = spec::effective_yaml(now->spec);
    written = base::write_file_atomic(folder + "/applied.yaml", yaml, 0600);
    applied_entry entry;
    entry.at = base::wall_now();
    entry.by = by;
    for (const planned_change& one : changes) entry.changes.push_back(brief(one));
    if (auto kept = history.add(std::move(entry), yaml); written) written = std::move(kept);
  }
  if (!written) {
    base::log::warning(module, "the applied configuration is not remembered: {}", written.error().text);
  }
}

} // namespace coppice::node
