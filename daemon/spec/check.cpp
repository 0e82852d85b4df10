// SPDX-License-Identifier: MIT
// The walk goes through the structs and the YAML they came from side by side (lists were read element by
// element, so that indices agree), which gives every finding its place without storing places.
#include "spec/check.hpp"

#include <algorithm>
#include <array>
#include <coppice/etf/types.hpp>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/log_levels.hpp"
#include "base/machine_memory.hpp"
#include "base/suggest.hpp"
#include "spec/application_order.hpp"
#include "spec/conflict_check.hpp"
#include "spec/cron_options.hpp"
#include "spec/http_check.hpp"
#include "spec/kinds/kinds.hpp"
#include "spec/kinds/raft_groups.hpp"
#include "spec/memory_check.hpp"
#include "spec/schema/catalog.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/secrets.hpp"
#include "spec/secret_files.hpp"

namespace coppice::spec {
namespace {

// Names that the node itself registers, beside the scopes of pg.
constexpr std::array<std::string_view, 13> own_names{"net_kernel",
                                                     "rex",
                                                     "global_name_server",
                                                     "user",
                                                     "init",
                                                     "auth",
                                                     "coppice_cron",
                                                     "erl_prim_loader",
                                                     "coppice",
                                                     "application_controller",
                                                     "kernel_sup",
                                                     "coppice_events",
                                                     "coppice_peers"};

class checker final : public child_check {
 public:
  checker(node_spec& spec, const check_options& how, report& into)
      : child_check(into, spec.node.name, how.with_plugins),
        spec_(spec),
        machine_memory_(how.machine_memory != 0 ? how.machine_memory : base::machine_memory()),
        catalog_(spec.plugins.path) {}

  void run(const node& root) {
    const node* const applications = root.find("applications");
    for (std::size_t i = 0; i < spec_.applications.size(); ++i) {
      const node* at = element(applications, i);
      if (!at || !at->is_map()) continue;
      check_application(spec_.applications[i], *at);
    }
    for (const kind* const one : kinds()) one->finish(*this);
    check_references(root);
    if (const node* const cron = root.find("cron");
        cron != nullptr && cron->is_map() && spec_.cron != nullptr)
      check_jobs(*spec_.cron, *cron);
    check_memory(root, spec_.node.limits, machine_memory_, notes, to);
    check_events(root.find("events"));
    check_log_handlers(root);
    put_in_start_order(spec_.applications, applications, to);
    check_http(to, root, spec_.control);
    if (with_plugins) {
      check_secret_files(to, root, spec_);
      check_modules(root);
      check_actors_of_others(root);
    }
    spec_.plugin_files = catalog_.files();
  }

 private:
  void duplicate(const node& where, const std::string& what, const place& first) override {
    std::string hint = "first on line " + std::to_string(first.line);
    if (first.file != where.at.file) hint += " of another file";
    to.error(where.at, what + " stands here a second time", std::move(hint));
  }

  void check_references(const node& root) {
    for (const std::string_view name : own_names) references.registers(std::string(name));
    for (const std::string& scope : spec_.distribution.services.pg) references.registers(scope);
    look_at_references(root);
    references.warn(spec_.node.name, to);
  }

  // Adds names in events and jobs.
  void look_at_references(const node& root) {
    const node* const events = root.find("events");
    for (std::size_t i = 0; i < spec_.events.size(); ++i)
      references.add("an event", spec_.events[i].producer, value_of(element(events, i), "producer"));
    if (spec_.cron == nullptr) return;
    const node* const jobs = value_of(root.find("cron"), "jobs");
    for (std::size_t i = 0; i < spec_.cron->jobs.size(); ++i) {
      const node* const written = value_of(element(jobs, i), "do");
      const cron_do& does = spec_.cron->jobs[i].does;
      if (does.send) references.add("a job", does.send->to, value_of(value_of(written, "send"), "to"));
      if (does.cast) references.add("a job", does.cast->to, value_of(value_of(written, "cast"), "to"));
      if (does.call) references.add("a job", does.call->to, value_of(value_of(written, "call"), "to"));
      if (does.start)
        references.add("a job", does.start->supervisor, value_of(value_of(written, "start"), "supervisor"));
    }
  }

  // Checks the modules of the log. An unknown module is only a warning, since its plugin may come later.
  void check_modules(const node& root) {
    const node* at = root.find("node");
    for (const std::string_view key : {"log", "modules"}) at = value_of(at, key);
    for (const module_level& one : spec_.node.log.modules) {
      if (base::log::is_module_of_node(one.module) || catalog_.has(one.module)) continue;
      const node* const key = key_of(at, one.module);
      if (!key) continue;
      const std::vector<std::string_view> known = base::log::modules_of_node();
      std::string hint = catalog_.suggest(one.module, known);
      if (hint.empty()) {
        hint = "a plugin goes by its id; the node's own are";
        for (const std::string_view name : known) hint += " " + std::string(name);
      }
      to.warning(
          key->at,
          "node.log.modules: neither the node nor a plugin in plugins.path logs as " + in_quotes(one.module),
          hint);
    }
  }

  // Checks the actors that other nodes may start. Their plugins are among the plugin files even if no child
  // names them.
  void check_actors_of_others(const node& root) {
    const node* at = root.find("distribution");
    at = value_of(at, "allow");
    if (at == nullptr || !at->is_map()) return;
    const allow_options& allow = spec_.distribution.allow;
    for (std::size_t i = 0; i < allow.spawn.size(); ++i)
      if (const node* const one = element(at->find("spawn"), i)) check_actor_of_others(allow.spawn[i], *one);
    constexpr std::string_view arrow = "=>"; // mod:fun/N => PLUGIN:ACTOR
    for (std::size_t i = 0; i < allow.rpc.size(); ++i) {
      const std::size_t found = allow.rpc[i].find(arrow);
      const node* const one = element(at->find("rpc"), i);
      if (found == std::string::npos || one == nullptr) continue;
      const std::size_t begin = allow.rpc[i].find_first_not_of(' ', found + arrow.size());
      if (begin != std::string::npos) check_actor_of_others(allow.rpc[i].substr(begin), *one);
    }
  }

  // An unknown plugin or actor is only a warning, since the plugin may come later.
  void check_actor_of_others(const std::string& name, const node& where) {
    const std::size_t colon = name.find(':');
    const std::string id = name.substr(0, colon);
    auto& plugin = catalog_.find(id);
    if (!plugin.problem.empty()) {
      if (!std::exchange(plugin.reported, true)) to.warning(where.at, plugin.problem, plugin.remedy);
      return;
    }
    const auto& actors = plugin.declared.actors;
    const std::string type = colon != std::string::npos ? name.substr(colon + 1)
                             : actors.size() == 1       ? actors[0].name
                                                        : id;
    if (plugin.declared.find(type) != nullptr) return;
    std::string hint = "it has:";
    for (const auto& one : actors) hint += " " + one.name;
    to.warning(where.at, "the plugin '" + id + "' has no actor '" + type + "'", hint);
  }

  void check_application(application_spec& application, const node& at) {
    const node& name = value_or_map(at, "name");
    if (!application.name.empty()) {
      auto [first, added] = application_places_.emplace(application.name, name.at);
      if (!added) duplicate(name, "the application '" + application.name + "'", first->second);
    }
    if (const node* supervisor = at.find("supervisor"); supervisor && supervisor->is_map())
      check_supervisor(application.supervisor, *supervisor);
  }

  args_schema::part part_of_args() const override { return checked_.args; }

  // Both return the fingerprint of what is written in `at` and of the manifests it depends on.
  fingerprint check_supervisor(supervisor_spec& supervisor, const node& at) {
    if (const node* name = at.find("name")) check_name(supervisor.name, *name);
    const node* children = at.find("children");
    std::unordered_map<std::string_view, place> ids;
    fingerprinter all;
    const auto args = supervisor.strategy == tree::strategy::simple_one_for_one
                          ? args_schema::part::of_template
                          : args_schema::part::whole;
    for (std::size_t i = 0; i < supervisor.children.size(); ++i) {
      const node* one = element(children, i);
      if (!one || !one->is_map()) continue;
      child_spec& child = supervisor.children[i];
      const node& id = value_or_map(*one, "id");
      if (!child.id.empty()) {
        auto [first, added] = ids.emplace(child.id, id.at);
        if (!added) duplicate(id, "the id '" + child.id + "'", first->second);
      }
      all.add(supervisor.prints.emplace_back(check_child(child, *one, args)));
    }
    return all.done();
  }

  fingerprint check_child(child_spec& child, const node& at, args_schema::part args) {
    fingerprinter all;
    all.add(at.print());
    conflicts_.look(child, at, to);
    const node* const nested = at.find("supervisor");
    if (nested && child.supervisor) {
      if (nested->is_map()) all.add(check_supervisor(*child.supervisor, *nested));
      return all.done();
    }
    if (const node* name = at.find("name")) check_name(child.name, *name);
    checked_ = {&all, args};
    bool is_actor = true;
    for (const kind* const one : kinds()) {
      one->check(*this, child, at);
      if (one->in_place_of_actor && at.find(one->key) != nullptr) is_actor = false;
    }
    if (is_actor) check_leaf(child, {child.actor, child.args, child.durations}, at, args);
    checked_ = {};
    return all.done();
  }

  void check_events(const node* at) {
    std::unordered_map<std::string_view, place> names;
    for (std::size_t i = 0; i < spec_.events.size(); ++i) {
      const node* const one = element(at, i);
      const node* const name = value_of(one, "name");
      if (name == nullptr || spec_.events[i].name.empty()) continue;
      const auto [first, added] = names.emplace(spec_.events[i].name, name->at);
      if (!added) duplicate(*name, "the event '" + spec_.events[i].name + "'", first->second);
    }
  }

  void check_job_group(const cron_where& where, const node* job) {
    const node* const written = value_of(job, "where");
    const node* const name = value_of(written, "one");
    const auto& groups = notes.get<raft_groups>().names;
    if (name == nullptr || where.group.empty() || groups.contains(where.group)) return;
    const std::vector<std::string_view> known(groups.begin(), groups.end());
    to.error(name->at,
             "where: no child of this configuration is a member of a Raft group by the name " +
                 in_quotes(where.group),
             base::did_you_mean(where.group, known));
  }

  // Checks the actors that jobs start, and the groups whose leaders run jobs.
  void check_jobs(cron_options& cron, const node& at) {
    const node* const jobs = at.find("jobs");
    for (std::size_t i = 0; i < cron.jobs.size(); ++i) {
      const node* one = element(jobs, i);
      check_job_group(cron.jobs[i].where, one);
      for (const std::string_view key : {"do", "start"}) one = value_of(one, key);
      if (one == nullptr || !one->is_map() || !cron.jobs[i].does.start) continue;
      cron_start& start = *cron.jobs[i].does.start;
      child_spec as_child;
      if (!start.actor.empty())
        check_leaf(as_child, {start.actor, start.args, start.durations}, *one, args_schema::part::whole);
      if (start.args.empty()) start.args.assign(etf::empty_map.begin(), etf::empty_map.end());
      start.plugin = as_child.plugin;
      start.actor_type = as_child.actor_type;
    }
  }

  // Checks the actors that take lines of the log.
  void check_log_handlers(const node& root) {
    const node* at = root.find("node");
    for (const std::string_view key : {"log", "handlers"}) at = value_of(at, key);
    std::vector<log_handler_options>& handlers = spec_.node.log.handlers;
    for (std::size_t i = 0; i < handlers.size(); ++i) {
      log_destination& destination = handlers[i].to;
      const node* const one = element(at, i);
      const node* const written = value_of(one, "to");
      if (written == nullptr || !written->is_map() || destination.actor.empty()) continue;
      child_spec as_child;
      check_leaf(as_child, {destination.actor, destination.args, destination.durations}, *written,
                 args_schema::part::whole);
      destination.plugin = as_child.plugin;
      destination.actor_type = as_child.actor_type;
      if (!as_child.behaviour.empty() && as_child.behaviour != "server")
        to.error(written->find("actor")->at,
                 "lines of the log go to a server, and the actor " + as_child.actor_type + " is none",
                 "its behaviour is " + as_child.behaviour);
    }
  }

  const catalog::plugin* check_leaf(child_spec& child, const actor_parts& written, const node& at,
                                    args_schema::part args) override {
    auto colon = written.actor.find(':');
    child.plugin = written.actor.substr(0, colon);
    child.actor_type = colon == std::string::npos ? "" : written.actor.substr(colon + 1);
    const node* actor = at.find(written.actor_key);
    const catalog::plugin* plugin = nullptr;
    if (with_plugins && actor && !written.actor.empty())
      plugin = check_actor(child, written, *actor, at, args);
    if (const node* const args_of = at.find(written.args_key); args_of != nullptr && args_of->is_map())
      look_at_secrets(to, *args_of);
    if (written.args.empty()) written.args.assign(etf::empty_map.begin(), etf::empty_map.end());
    if (plugin != nullptr && checked_.prints != nullptr) checked_.prints->add(plugin->print);
    return plugin;
  }

  void check_name(const std::string& name, const node& at) {
    if (name.empty()) return;
    if (std::ranges::find(own_names, name) != own_names.end() ||
        std::ranges::find(spec_.distribution.services.pg, name) != spec_.distribution.services.pg.end()) {
      to.error(at.at, "the name '" + name + "' is the node's own");
      return;
    }
    references.registers(name);
    auto [first, added] = names_.emplace(name, at.at);
    if (!added) duplicate(at, "the registered name '" + name + "'", first->second);
  }

  void warn_of(const catalog::plugin& plugin, const node& actor) {
    if (!plugin.hidden.empty())
      to.warning(actor.at, "the plugin " + plugin.path + " hides " + plugin.hidden,
                 "the first folder of plugins.path that has it is taken: remove the file that is not meant");
    for (const auto& one : plugin.warnings)
      to.warning(actor.at, "the plugin " + plugin.path + " " + one.text, one.remedy);
  }

  const catalog::plugin* check_actor(child_spec& child, const actor_parts& written, const node& actor,
                                     const node& at, args_schema::part args) {
    auto& plugin = catalog_.find(child.plugin);
    if (!plugin.problem.empty()) {
      // Once for each plugin, since a tree may name it a thousand times.
      if (!std::exchange(plugin.reported, true)) to.error(actor.at, plugin.problem, plugin.remedy);
      return nullptr;
    }
    if (!std::exchange(plugin.reported, true)) warn_of(plugin, actor);
    const auto& actors = plugin.declared.actors;
    if (child.actor_type.empty()) child.actor_type = actors.size() == 1 ? actors[0].name : child.plugin;
    const auto* type = plugin.declared.find(child.actor_type);
    if (!type) {
      std::vector<std::string_view> known;
      for (const auto& one : actors) known.push_back(one.name);
      std::string hint = base::did_you_mean(child.actor_type, known);
      if (hint.empty()) {
        hint = "it has:";
        for (auto one : known) hint += " " + std::string(one);
      }
      to.error(actor.at, "the plugin '" + child.plugin + "' has no actor '" + child.actor_type + "'", hint);
      return nullptr;
    }
    child.behaviour = type->behaviour;
    if (!child.name.empty()) references.registers(child.name, *type);
    for (const kind* const one : kinds()) one->check_class(*this, {child, *type, actor, at, written.by});
    const auto& schema = plugin.schemas.at(type->name);
    if (schema.encode(to, at.find(written.args_key), at, written.args, args, written.args_key))
      written.durations = schema.durations(written.args);
    return &plugin;
  }

  node_spec& spec_;
  const std::uint64_t machine_memory_; // bytes
  catalog catalog_;
  std::unordered_map<std::string, place> names_;
  conflict_check conflicts_;
  // For the child that is being checked. `prints` takes the fingerprints of its plugins; nullptr: no child.
  struct {
    fingerprinter* prints = nullptr;
    args_schema::part args = args_schema::part::whole;
  } checked_;
  std::map<std::string, place> application_places_;
};

} // namespace

void check_whole(const node& root, node_spec& spec, const check_options& how, report& to) {
  checker(spec, how, to).run(root);
}

} // namespace coppice::spec
