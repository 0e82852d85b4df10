// SPDX-License-Identifier: MIT
// The walk goes through the structs and the YAML they came from side by side (lists were read element by
// element, so that indices agree), which gives every finding its place without storing places.
#include "spec/check.hpp"
#include "spec/cron_options.hpp"
#include "spec/port_options.hpp"
#include "spec/web_options.hpp"

#include <coppice/draft/stream.h>
#include <coppice/draft/udp.h>

#include <algorithm>
#include <array>
#include <coppice/etf/types.hpp>
#include <map>
#include <set>
#include <unordered_map>

#include "base/log_levels.hpp"
#include "base/suggest.hpp"
#include "spec/catalog.hpp"
#include "spec/conflict_check.hpp"
#include "spec/http_check.hpp"
#include "spec/reference_check.hpp"
#include "spec/secrets.hpp"
#include "spec/silence_check.hpp"

namespace coppice::spec {
namespace {

// Registered by the node itself, beside the scopes of pg.
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

const node* element(const node* list, std::size_t index) {
  return list && list->is_sequence() && index < list->items.size() ? list->items[index] : nullptr;
}

const node* key_of(const node* map, std::string_view key) {
  if (!map || !map->is_map()) return nullptr;
  for (std::size_t i = 0; i + 1 < map->items.size(); i += 2)
    if (map->items[i]->text == key) return map->items[i];
  return nullptr;
}

// The value of a key, else the map itself.
const node& value_or_map(const node& map, std::string_view key) {
  const node* value = map.find(key);
  return value ? *value : map;
}

class checker {
 public:
  checker(node_spec& spec, bool with_plugins, report& to)
      : spec_(spec), with_plugins_(with_plugins), to_(to), catalog_(spec.plugins.path) {}

  void run(const node& root) {
    const node* const applications = root.find("applications");
    for (std::size_t i = 0; i < spec_.applications.size(); ++i) {
      const node* at = element(applications, i);
      if (!at || !at->is_map()) continue;
      check_application(spec_.applications[i], *at);
    }
    check_handlers();
    silence_.warn(to_);
    check_references(root);
    if (const node* const cron = root.find("cron");
        cron != nullptr && cron->is_map() && spec_.cron != nullptr)
      check_jobs(*spec_.cron, *cron);
    check_events(root.find("events"));
    check_log_handlers(root);
    check_dependencies(applications);
    check_http(to_, root, spec_.control, with_plugins_);
    if (with_plugins_) {
      check_modules(root);
      check_actors_of_others(root);
    }
    spec_.plugin_files = catalog_.files();
  }

 private:
  void duplicate(const node& where, const std::string& what, const place& first) {
    std::string hint = "first on line " + std::to_string(first.line);
    if (first.file != where.at.file) hint += " of another file";
    to_.error(where.at, what + " stands here a second time", std::move(hint));
  }

  void check_references(const node& root) {
    for (const std::string_view name : own_names) references_.registers(std::string(name));
    for (const std::string& scope : spec_.distribution.services.pg) references_.registers(scope);
    references_.look(spec_, root);
    references_.warn(spec_.node.name, to_);
  }

  // Of the log. A plugin may come later: it is warned about only.
  void check_modules(const node& root) {
    const node* at = root.find("node");
    for (const std::string_view key : {"log", "modules"})
      if (at) at = at->is_map() ? at->find(key) : nullptr;
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
      to_.warning(
          key->at,
          "node.log.modules: neither the node nor a plugin in plugins.path logs as " + in_quotes(one.module),
          hint);
    }
  }

  // Those that other nodes may start, which no child need name: their plugins are among the files as well.
  void check_actors_of_others(const node& root) {
    const node* at = root.find("distribution");
    if (at != nullptr) at = at->is_map() ? at->find("allow") : nullptr;
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

  // A plugin may come later: it is warned about only.
  void check_actor_of_others(const std::string& name, const node& where) {
    const std::size_t colon = name.find(':');
    const std::string id = name.substr(0, colon);
    auto& plugin = catalog_.find(id);
    if (!plugin.problem.empty()) {
      if (!std::exchange(plugin.reported, true)) to_.warning(where.at, plugin.problem, plugin.remedy);
      return;
    }
    const auto& actors = plugin.declared.actors;
    const std::string type = colon != std::string::npos ? name.substr(colon + 1)
                             : actors.size() == 1       ? actors[0].name
                                                        : id;
    if (plugin.declared.find(type) != nullptr) return;
    std::string hint = "it has:";
    for (const auto& one : actors) hint += " " + one.name;
    to_.warning(where.at, "the plugin '" + id + "' has no actor '" + type + "'", hint);
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

  // Both give the fingerprint of what lies in it and of the manifests it depends on.
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
    references_.look(child, at);
    conflicts_.look(child, at, to_);
    const node* const nested = at.find("supervisor");
    if (nested && child.supervisor) {
      if (nested->is_map()) all.add(check_supervisor(*child.supervisor, *nested));
    } else {
      if (const node* name = at.find("name")) check_name(child.name, *name);
      if (child.raft) groups_.insert(child.name);
      check_group(child, at);
      const node* const pool = at.find("pool");
      const node* const tcp = at.find("tcp");
      const node* const udp = at.find("udp");
      const node* const port = at.find("port");
      const catalog::plugin* plugin = nullptr;
      if (child.tcp && !child.tcp->handlers.empty())
        handled_by_.push_back({child.tcp->handlers, tcp->find("handlers")->at});
      if (child.tcp && tcp != nullptr && tcp->is_map()) silence_.look(*child.tcp, *tcp);
      const node* const manager = at.find("event_manager");
      const node* const consumers = at.find("consumer_supervisor");
      if (child.event_manager && manager != nullptr)
        all.add(check_handlers(*child.event_manager, *manager));
      else if (child.tcp && tcp != nullptr && tcp->is_map())
        plugin = check_leaf(child, {child.tcp->actor, child.tcp->args, child.tcp->durations}, *tcp, args);
      else if (child.udp && udp != nullptr && udp->is_map())
        plugin = check_leaf(child, {child.udp->actor, child.udp->args, child.udp->durations}, *udp, args);
      else if (child.port != nullptr && port != nullptr && port->is_map())
        plugin = check_leaf(child, {child.port->actor, child.port->args, child.port->durations}, *port, args);
      else if (const node* const web = at.find("web"); child.web != nullptr && web != nullptr)
        all.add(check_routes(*child.web, *web));
      else if (consumers != nullptr)
        plugin = check_event_child(child, at, *consumers);
      else if (!pool && !tcp && !udp && !port && !at.find("web"))
        plugin = check_leaf(child, {child.actor, child.args, child.durations}, at, args);
      else if (child.pool && pool->is_map())
        plugin = check_leaf(child, {child.pool->actor, child.pool->args, child.pool->durations}, *pool, args);
      if (plugin != nullptr) all.add(plugin->print);
      if (const auto* const workers = check_workers(child, at); workers != nullptr) all.add(workers->print);
    }
    return all.done();
  }

  void check_events(const node* at) {
    std::unordered_map<std::string_view, place> names;
    for (std::size_t i = 0; i < spec_.events.size(); ++i) {
      const node* const one = element(at, i);
      const node* const name = one != nullptr && one->is_map() ? one->find("name") : nullptr;
      if (name == nullptr || spec_.events[i].name.empty()) continue;
      const auto [first, added] = names.emplace(spec_.events[i].name, name->at);
      if (!added) duplicate(*name, "the event '" + spec_.events[i].name + "'", first->second);
    }
  }

  void check_job_group(const cron_where& where, const node* job) {
    const node* const written = job != nullptr && job->is_map() ? job->find("where") : nullptr;
    const node* const name = written != nullptr && written->is_map() ? written->find("one") : nullptr;
    if (name == nullptr || where.group.empty() || groups_.contains(where.group)) return;
    const std::vector<std::string_view> known(groups_.begin(), groups_.end());
    to_.error(name->at,
              "where: no child of this configuration is a member of a Raft group by the name " +
                  in_quotes(where.group),
              base::did_you_mean(where.group, known));
  }

  // The actors that jobs start, and the groups whose leaders run them.
  void check_jobs(cron_options& cron, const node& at) {
    const node* const jobs = at.find("jobs");
    for (std::size_t i = 0; i < cron.jobs.size(); ++i) {
      const node* one = element(jobs, i);
      check_job_group(cron.jobs[i].where, one);
      for (const std::string_view key : {"do", "start"})
        one = one != nullptr && one->is_map() ? one->find(key) : nullptr;
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

  // The actors that take lines of the log.
  void check_log_handlers(const node& root) {
    const node* at = root.find("node");
    for (const std::string_view key : {"log", "handlers"})
      at = at != nullptr && at->is_map() ? at->find(key) : nullptr;
    std::vector<log_handler_options>& handlers = spec_.node.log.handlers;
    for (std::size_t i = 0; i < handlers.size(); ++i) {
      log_destination& to = handlers[i].to;
      const node* const one = element(at, i);
      const node* const written = one != nullptr && one->is_map() ? one->find("to") : nullptr;
      if (written == nullptr || !written->is_map() || to.actor.empty()) continue;
      child_spec as_child;
      check_leaf(as_child, {to.actor, to.args, to.durations}, *written, args_schema::part::whole);
      to.plugin = as_child.plugin;
      to.actor_type = as_child.actor_type;
      if (!as_child.behaviour.empty() && as_child.behaviour != "server")
        to_.error(written->find("actor")->at,
                  "lines of the log go to a server, and the actor " + as_child.actor_type + " is none",
                  "its behaviour is " + as_child.behaviour);
    }
  }

  const catalog::plugin* check_event_child(child_spec& child, const node& at, const node& consumers) {
    const node* const written = consumers.is_map() ? consumers.find("template") : nullptr;
    if (!child.consumer_supervisor || written == nullptr || !written->is_map()) return nullptr;
    check_stage_mailbox(child, at);
    event_child_options& one = child.consumer_supervisor->child;
    return check_leaf(child, {one.actor, one.args, one.durations}, *written, args_schema::part::of_template);
  }

  // The actors that are made for clients. Gives the fingerprint of the manifests that they depend on.
  fingerprint check_routes(web_options& web, const node& at) {
    fingerprinter all;
    const node* const list = at.find("routes");
    for (std::size_t i = 0; i < web.routes.size(); ++i) {
      const node* const one = element(list, i);
      web_route& route = web.routes[i];
      if (one == nullptr || !one->is_map() || route.actor.empty()) continue;
      child_spec as_child;
      const auto* const plugin =
          check_leaf(as_child, {route.actor, route.args, route.durations}, *one, args_schema::part::whole);
      route.plugin = as_child.plugin;
      route.actor_type = as_child.actor_type;
      route.behaviour = as_child.behaviour;
      if (plugin == nullptr) continue;
      all.add(plugin->print);
      const manifest::actor_type* const type = plugin->declared.find(route.actor_type);
      const node* const written = one->find("actor");
      if (type == nullptr || written == nullptr) continue;
      if (const auto what = reference_check::lacks(*type, route.upgrade); !what.empty())
        to_.warning(written->at, "a route goes to the actor '" + type->name + "', which " + std::string(what),
                    std::string(reference_check::consequence(*type, route.upgrade)));
    }
    return all.done();
  }

  // Each is as an actor by itself. Gives the fingerprint of the manifests that they depend on.
  fingerprint check_handlers(event_manager_options& manager, const node& at) {
    fingerprinter all;
    const node* const list = at.find("handlers");
    std::unordered_map<std::string_view, place> ids;
    for (std::size_t i = 0; i < manager.handlers.size(); ++i) {
      const node* const one = element(list, i);
      if (one == nullptr || !one->is_map()) continue;
      event_handler_options& handler = manager.handlers[i];
      const node& id = value_or_map(*one, "id");
      if (!handler.id.empty()) {
        auto [first, added] = ids.emplace(handler.id, id.at);
        if (!added) duplicate(id, "the id '" + handler.id + "'", first->second);
      }
      child_spec as_child;
      as_child.event_manager.emplace();
      const auto* const plugin = check_leaf(as_child, {handler.actor, handler.args, handler.durations}, *one,
                                            args_schema::part::whole);
      handler.plugin = as_child.plugin;
      handler.actor_type = as_child.actor_type;
      if (plugin != nullptr) all.add(plugin->print);
    }
    return all.done();
  }

  // What is written of an actor, in a child or, of its workers, in a pool.
  struct actor_parts {
    const std::string& actor;
    encoded_term& args;
    std::vector<std::string>& durations;
    // The keys under which these stand, and whether they are those of a saga's worker.
    const char* actor_key = "actor";
    const char* args_key = "args";
    bool is_worker = false;
  };

  // The plugin that it is checked against; nullptr: none.
  const catalog::plugin* check_leaf(child_spec& child, const actor_parts& written, const node& at,
                                    args_schema::part args) {
    auto colon = written.actor.find(':');
    child.plugin = written.actor.substr(0, colon);
    child.actor_type = colon == std::string::npos ? "" : written.actor.substr(colon + 1);
    const node* actor = at.find(written.actor_key);
    const catalog::plugin* plugin = nullptr;
    if (with_plugins_ && actor && !written.actor.empty())
      plugin = check_actor(child, written, *actor, at, args);
    if (const node* const args_of = at.find(written.args_key); args_of != nullptr && args_of->is_map())
      look_at_secrets(to_, *args_of);
    if (written.args.empty()) written.args.assign(etf::empty_map.begin(), etf::empty_map.end());
    return plugin;
  }

  void check_name(const std::string& name, const node& at) {
    if (name.empty()) return;
    if (std::ranges::find(own_names, name) != own_names.end() ||
        std::ranges::find(spec_.distribution.services.pg, name) != spec_.distribution.services.pg.end()) {
      to_.error(at.at, "the name '" + name + "' is the node's own");
      return;
    }
    references_.registers(name);
    auto [first, added] = names_.emplace(name, at.at);
    if (!added) duplicate(at, "the registered name '" + name + "'", first->second);
  }

  // An actor for connections stands where there are some, and one without callbacks for them does not.
  void check_streams(const child_spec& child, const manifest::actor_type& type, const node& actor) {
    const bool takes = std::ranges::find(type.tables, COPPICE_STREAM_DRAFT_2) != type.tables.end();
    if (child.pool && !child.name.empty()) pools_[child.name] = takes;
    if (child.tcp && !takes)
      to_.error(actor.at, "the actor '" + type.name + "' takes no connections",
                "it has no table " + std::string(COPPICE_STREAM_DRAFT_2));
    const bool has_datagrams = std::ranges::find(type.tables, COPPICE_UDP_DRAFT_2) != type.tables.end();
    if (child.udp && !has_datagrams)
      to_.error(actor.at, "the actor '" + type.name + "' takes no datagrams",
                "it has no table " + std::string(COPPICE_UDP_DRAFT_2));
    if (!child.udp && type.behaviour == "udp")
      to_.error(actor.at, "the actor '" + type.name + "' is one for datagrams",
                "it belongs into a 'udp' map");
    if (child.port != nullptr && !takes)
      to_.error(actor.at, "the actor '" + type.name + "' cannot talk with a program",
                "it has no table " + std::string(COPPICE_STREAM_DRAFT_2));
    if (!child.tcp && !child.pool && child.port == nullptr && type.behaviour == "tcp")
      to_.error(actor.at, "the actor '" + type.name + "' is one for connections",
                "it belongs into a 'tcp' or 'port' map");
  }

  // A replicated state machine is a child of its own, with a 'raft' map, and nothing else has one.
  void check_raft(const child_spec& child, const manifest::actor_type& type, const node& actor,
                  const node& at) {
    const node* const options = at.find("raft");
    const bool plain = !child.pool && !child.tcp && !child.udp && child.port == nullptr &&
                       !child.event_manager && !child.consumer_supervisor;
    if (type.behaviour != "raft") {
      if (options != nullptr)
        to_.error(
            options->at,
            "raft: the actor " + type.name + " is a " + type.behaviour + " and no replicated state machine",
            "leave it out");
      return;
    }
    if (options == nullptr || !plain)
      to_.error(actor.at, "the actor '" + type.name + "' is a replicated state machine",
                plain ? "it needs a 'raft' map beside it, with its group's members"
                      : "it belongs to a child of its own, with a 'raft' map");
  }

  // A member has a name, by which the others reach it, and is one of the first members that it names.
  void check_group(const child_spec& child, const node& at) {
    const node* const written = at.find("raft");
    if (!child.raft || written == nullptr || !written->is_map()) return;
    if (child.name.empty())
      to_.error(written->at, "raft: a member of a group needs a 'name', by which the others reach it");
    const raft_options& group = *child.raft;
    const std::string own = child.name + "@" + spec_.node.name;
    const bool named = std::ranges::find(group.members, own) != group.members.end();
    const node* const members = written->find("members");
    if (members != nullptr && !group.members.empty() && !named && !child.name.empty() &&
        spec_.node.name.find('@') != std::string::npos)
      to_.error(members->at, "raft.members: this member, " + own + ", is not among them",
                "a member that is to be added later has 'join' instead");
    if (group.members.size() % 2 == 0 && !group.members.empty())
      to_.warning(members->at,
                  "raft.members: " + std::to_string(group.members.size()) +
                      " voters bear the loss of no more members than one voter less",
                  "3, 5 or 7 are usual");
  }

  // What its role has, and a mailbox that loses nothing: a lost ask is a pipeline that stands still.
  void check_stage(const child_spec& child, const manifest::actor_type& type, const node& at) {
    const std::string& role = child.behaviour;
    const bool consumes = role == "consumer" || role == "producer_consumer";
    const bool produces = role == "producer" || role == "producer_consumer";
    const node* const options = at.find("stage");
    if (!consumes && !produces) {
      if (options != nullptr)
        to_.error(options->at, "stage: the actor " + type.name + " is a " + role + " and no stage",
                  "leave it out");
      return;
    }
    const auto refuse = [&](bool has, std::string_view key) {
      const node* const written = options == nullptr || has ? nullptr : options->find(key);
      if (written != nullptr)
        to_.error(
            written->at,
            "stage." + std::string(key) + ": the actor " + type.name + " is a " + role + ", which has none",
            "leave it out");
    };
    refuse(consumes, "subscribe_to");
    refuse(produces, "dispatcher");
    refuse(produces, "buffer");
    refuse(role == "producer", "demand");
    refuse(role == "producer", "demand_step");
    check_stage_mailbox(child, at);
  }

  void check_stage_mailbox(const child_spec& child, const node& at) {
    if (child.mailbox.on_full != on_full::drop_new && child.mailbox.on_full != on_full::drop_old) return;
    const node* const mailbox = at.find("mailbox");
    const node* const written = mailbox == nullptr ? nullptr : mailbox->find("on_full");
    to_.error(written == nullptr ? at.at : written->at,
              "mailbox.on_full: a stage whose mailbox drops messages may wait for events for ever",
              "park_sender and exit lose none");
  }

  // A saga is a child of its own with a name, since that is how coordinators and participants find it again.
  void check_saga(const child_spec& child, const manifest::actor_type& type, const node& actor,
                  const node& at) {
    const node* const key = at.find("saga");
    if (child.behaviour != "saga") {
      if (key != nullptr)
        to_.error(key->at, "saga: the actor " + type.name + " is a " + child.behaviour + " and no saga",
                  "leave it out");
      return;
    }
    if (child.actor.empty())
      to_.error(actor.at, "the actor '" + type.name + "' is a saga, which only a child of its own can be",
                "name it as the 'actor' of a child");
    else if (child.name.empty())
      to_.error(actor.at, "the saga '" + type.name + "' has no name", "others call it by one: add 'name'");
  }

  void check_saga_worker(const manifest::actor_type& type, const node& actor) {
    if (type.behaviour != "saga")
      to_.error(actor.at, "saga.worker: the actor " + type.name + " is a " + type.behaviour + " and no saga",
                "a worker has a saga's callbacks for steps: handle_do, handle_undo and their like");
  }

  // Gives the plugin that the worker depends on. nullptr: none.
  const catalog::plugin* check_workers(child_spec& child, const node& at) {
    const node* const written = at.find("saga");
    if (!child.saga || child.saga->worker.empty() || written == nullptr || !written->is_map()) return nullptr;
    if (child.name.size() > tree::longest_name_with_workers)
      to_.error(at.find("name")->at, "name: a saga with workers has one of at most " +
                                         std::to_string(tree::longest_name_with_workers) + " bytes");
    saga_options& saga = *child.saga;
    child_spec as_child;
    return check_leaf(as_child,
                      {saga.worker, saga.worker_args, saga.worker_durations, "worker", "worker_args", true},
                      *written, args_schema::part::whole);
  }

  // A handler stands in a manager, and nothing else does.
  void check_handler(const child_spec& child, const manifest::actor_type& type, const node& actor) {
    const bool handles = type.behaviour == "event_handler";
    if (child.event_manager && !handles)
      to_.error(actor.at, "the actor '" + type.name + "' is a " + type.behaviour + " and no event handler",
                "a handler's behaviour is event_handler");
    if (!child.event_manager && handles)
      to_.error(actor.at, "the actor '" + type.name + "' is an event handler",
                "it belongs among the handlers of an 'event_manager' map");
  }

  void warn_of(const catalog::plugin& plugin, const node& actor) {
    if (!plugin.hidden.empty())
      to_.warning(actor.at, "the plugin " + plugin.path + " hides " + plugin.hidden,
                  "the first folder of plugins.path that has it is taken: remove the file that is not meant");
    for (const auto& one : plugin.warnings)
      to_.warning(actor.at, "the plugin " + plugin.path + " " + one.text, one.remedy);
  }

  const catalog::plugin* check_actor(child_spec& child, const actor_parts& written, const node& actor,
                                     const node& at, args_schema::part args) {
    auto& plugin = catalog_.find(child.plugin);
    if (!plugin.problem.empty()) {
      // Once a plugin: a tree may name it a thousand times.
      if (!std::exchange(plugin.reported, true)) to_.error(actor.at, plugin.problem, plugin.remedy);
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
      to_.error(actor.at, "the plugin '" + child.plugin + "' has no actor '" + child.actor_type + "'", hint);
      return nullptr;
    }
    child.behaviour = type->behaviour;
    if (!child.name.empty()) references_.registers(child.name, *type);
    check_streams(child, *type, actor);
    check_handler(child, *type, actor);
    if (const node* const key = at.find("statem"); key != nullptr && child.behaviour != "statem")
      to_.error(key->at, "statem: the actor " + type->name + " is a " + child.behaviour + " and no statem",
                "leave it out");
    if (const node* const key = at.find("router"); key != nullptr && child.behaviour != "router")
      to_.error(key->at, "router: the actor " + type->name + " is a " + child.behaviour + " and no router",
                "leave it out");
    check_raft(child, *type, actor, at);
    if (written.is_worker)
      check_saga_worker(*type, actor);
    else
      check_saga(child, *type, actor, at);
    check_stage(child, *type, at);
    const auto& schema = plugin.schemas.at(type->name);
    if (schema.encode(to_, at.find(written.args_key), at, written.args, args, written.args_key))
      written.durations = schema.durations(written.args);
    return &plugin;
  }

  // Listeners that name a pool name one whose workers take connections.
  void check_handlers() {
    if (!with_plugins_) return;
    for (const auto& [name, where] : handled_by_) {
      const auto found = pools_.find(name);
      if (found == pools_.end())
        to_.error(where, "handlers: there is no pool of the name " + in_quotes(name));
      else if (!found->second)
        to_.error(where, "handlers: the workers of " + in_quotes(name) + " take no connections",
                  "their actor has no table " + std::string(COPPICE_STREAM_DRAFT_2));
    }
  }

  // Puts the applications into start order; those on a cycle are reported, each cycle once.
  void check_dependencies(const node* applications) {
    const std::size_t count = spec_.applications.size();
    std::map<std::string_view, std::size_t> index;
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < count; ++i)
      if (index.emplace(spec_.applications[i].name, i).second) names.push_back(spec_.applications[i].name);
    std::vector<std::vector<std::size_t>> needs(count);
    for (std::size_t i = 0; i < count; ++i) {
      const node* at = element(applications, i);
      const node* list = at ? at->find("depends_on") : nullptr;
      const auto& wanted = spec_.applications[i].depends_on;
      for (std::size_t j = 0; j < wanted.size(); ++j) {
        auto found = index.find(wanted[j]);
        if (found != index.end()) {
          needs[i].push_back(found->second);
        } else if (const node* where = element(list, j); where && !wanted[j].empty()) {
          to_.error(where->at, "depends_on: there is no application " + in_quotes(wanted[j]),
                    base::did_you_mean(wanted[j], names));
        }
      }
    }
    order(needs, applications);
  }

  // Depth first without recursion: the number of applications is the user's.
  void order(const std::vector<std::vector<std::size_t>>& needs, const node* applications) {
    enum class mark { unseen, open, done };
    std::vector<mark> marks(needs.size(), mark::unseen);
    std::vector<std::size_t> sorted;
    for (std::size_t root = 0; root < needs.size(); ++root) {
      if (marks[root] != mark::unseen) continue;
      std::vector<std::pair<std::size_t, std::size_t>> path{{root, 0}};
      marks[root] = mark::open;
      while (!path.empty()) {
        auto& [at, next] = path.back();
        if (next == needs[at].size()) {
          marks[at] = mark::done;
          sorted.push_back(at);
          path.pop_back();
          continue;
        }
        const std::size_t needed = needs[at][next++];
        if (marks[needed] == mark::open) {
          report_cycle(path, needed, applications);
        } else if (marks[needed] == mark::unseen) {
          marks[needed] = mark::open;
          path.emplace_back(needed, 0);
        }
      }
    }
    std::vector<application_spec> ordered;
    ordered.reserve(sorted.size());
    for (auto i : sorted) ordered.push_back(std::move(spec_.applications[i]));
    spec_.applications = std::move(ordered);
  }

  void report_cycle(const std::vector<std::pair<std::size_t, std::size_t>>& path, std::size_t start,
                    const node* applications) {
    auto first =
        std::find_if(path.begin(), path.end(), [start](const auto& one) { return one.first == start; });
    std::string names;
    for (auto at = first; at != path.end(); ++at) names += spec_.applications[at->first].name + " -> ";
    names += spec_.applications[start].name;
    const node* where = element(applications, path.back().first);
    const node* key = key_of(where, "depends_on");
    to_.error(key ? key->at : spec_.applications[start].at, "depends_on goes in a circle: " + names);
  }

  node_spec& spec_;
  bool with_plugins_;
  report& to_;
  catalog catalog_;
  std::unordered_map<std::string, place> names_;
  std::unordered_map<std::string, bool> pools_; // by registered name: whether its workers take connections
  std::vector<std::pair<std::string, place>> handled_by_; // pools that listeners name
  silence_check silence_;
  conflict_check conflicts_;
  reference_check references_;
  std::set<std::string, std::less<>> groups_; // names of members of Raft groups
  std::map<std::string, place> application_places_;
};

} // namespace

void check_whole(const node& root, node_spec& spec, bool with_plugins, report& to) {
  checker(spec, with_plugins, to).run(root);
}

} // namespace coppice::spec
