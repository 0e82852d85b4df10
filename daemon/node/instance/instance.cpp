// SPDX-License-Identifier: MIT
// Brings a node up and takes it down. Up: cookie, plugins, runtime, network, applications. Down: the
// applications in reverse, the network, the runtime, the plugins' code. A start that fails takes down the
// parts that it had brought up, in the same order. Threads: see the header.
#include "node/instance/instance.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/log.hpp"
#include "base/program.hpp"
#include "behaviours/application/controller.hpp"
#include "node/assembly/assemble.hpp"
#include "node/assembly/event_list.hpp"
#include "node/assembly/job_list.hpp"
#include "node/environment/cookie.hpp"
#include "node/environment/message_memory.hpp"
#include "node/environment/overload_watch.hpp"
#include "node/environment/programs.hpp"
#include "node/instance/components.hpp"
#include "node/instance/operations.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "runtime/scheduling/fatal_signal.hpp"
#include "spec/kinds/raft_state.hpp"

namespace coppice::node {
namespace {

constexpr std::string_view module = "node";

// Time after the orderly stop for threads that are stuck in an actor's code.
constexpr base::nanos last_patience = 5 * base::nanos_per_second;
// Time for a child that a reload restarts, beyond its shutdown time.
constexpr base::nanos restart_patience = 30 * base::nanos_per_second;

loader::loader_options loading(const spec::node_spec& spec) {
  loader::loader_options out;
  out.path = spec.plugins.path;
  out.data = spec.node.data;
  out.plugin_host = plugin_host_program();
  return out;
}

// Logs every plugin that fails, then returns the first one's error.
base::status load_plugins(loader::loader& plugins, const spec::node_spec& spec) {
  if (spec.plugin_files.empty()) return {};
  if (auto prepared = plugins.prepare(); !prepared) return prepared;
  base::status outcome;
  for (const spec::plugin_file& file : spec.plugin_files) {
    auto loaded = plugins.load(file.id);
    if (loaded) continue;
    base::log::error(module, "plugin {}: {}", file.id, loaded.error().text);
    if (outcome) outcome = unexpected(std::move(loaded.error()).context("plugin " + file.id));
  }
  if (outcome) plugins.sweep();
  return outcome;
}

} // namespace

void instance::on_change(std::function<void()> told) {
  components_->notes.on_change(std::move(told));
}

instance::instance(std::unique_ptr<components> of)
    : components_(std::move(of)),
      snapshots_(std::make_unique<node::snapshots>(*components_)),
      requests_(std::make_unique<node::requests>(*components_)),
      operations_(std::make_unique<node::operations>(*components_)) {}

instance::~instance() {
  stop();
}

base::result<std::unique_ptr<instance>> instance::start(spec::node_spec spec, std::function<void()> on_ending,
                                                        configuration_source from,
                                                        net::socket_store* sockets) {
  const auto wanted = std::make_shared<configuration>();
  wanted->texts = std::move(from.texts);
  wanted->spec = std::move(spec);
  wanted->applications = applications(wanted->spec);
  const spec::node_spec& wants = wanted->spec;
  from.options.regular = true; // clients name files from now on, which must not be the node's descriptors
  if (const auto& env = wants.node.cookie.env) base::hide_from_programs(*env);
  for (const spec::route_options& one : wants.distribution.routes)
    if (one.cookie.env) base::hide_from_programs(*one.cookie.env);
  auto cookie = find_cookie(wants.node.cookie);
  if (!cookie) return unexpected(std::move(cookie.error()));
  std::unique_ptr<instance> made(
      new instance(std::make_unique<components>(wanted, std::move(from), loading(wants))));
  components& p = *made->components_;
  p.on_ending = std::move(on_ending);
  if (auto begun = p.life.begin(wants.node.data); !begun) {
    if (begun.error().code == base::errc::refused)
      return unexpected(std::move(begun.error()).context("node.data"));
    base::log::warning(module, "how this life of the node ends is not recorded: {}", begun.error().text);
  }
  runtime::keep_last_words(p.life.last_words());
  if (const auto& former = p.life.former(); former && !former->orderly)
    base::log::warning(module, "the node's life before, which began at {}, ended badly: {}",
                       base::format_wall(former->began), former->how);
  p.cookie_file = cookie->file;
  p.sockets = sockets;
  p.certificates.path = wants.node.data + "/tls";
  if (auto loaded = load_plugins(p.plugins, wants); !loaded) return unexpected(loaded.error());
  p.system.set_factory(&p.actors);
  auto net = network::make(p.system, wants, std::move(cookie->value), {p.cron, &p.events, &p.leads}, sockets);
  if (!net) return unexpected(std::move(net.error()));
  p.net = std::move(*net);
  p.events.declare(event_list(wants));
  p.tells.emplace(p.events);
  if (auto started = p.system.start(); !started)
    return unexpected(std::move(started.error()).context("runtime"));
  if (auto started = p.net->start([&p] { p.lost("the supervisor of the node's services"); }); !started)
    return unexpected(started.error());
  if (auto started = start_overload_watch(p.system, p.counted, p.events); !started)
    return unexpected(started.error());
  if (auto started = made->start_reloader(); !started) return unexpected(started.error());
  p.log_handlers.use(log_actors(wants));
  if (auto read = p.cron->start(job_list(wants)); !read)
    base::log::warning(module, "nothing is known of the jobs' last runs: {}", read.error().text);
  p.durable_log.open_existing();
  if (auto started = made->start_applications(); !started) return unexpected(started.error());
  p.remember("start", {});
  return made;
}

base::status instance::start_reloader() {
  components& p = *components_;
  // The child may take its time to stop and to start. A node that stops does not wait for it.
  const auto restart_child = [this](const std::string& path, const std::stop_token& quit) -> base::status {
    struct answer {
      std::mutex lock;
      std::condition_variable_any came;
      std::optional<base::status> outcome; // guarded by the lock
    };
    const auto told = std::make_shared<answer>();
    operations_->restart(path, restart_patience, [told](base::status outcome) {
      const std::scoped_lock held(told->lock);
      told->outcome = std::move(outcome);
      told->came.notify_all();
    });
    std::unique_lock held(told->lock);
    if (told->came.wait(held, quit, [&told] { return told->outcome.has_value(); })) return *told->outcome;
    return base::fail(base::errc::closed, "the node stops");
  };
  const auto within = [&p](const std::function<reloader::outcome()>& run) -> reloader::outcome {
    reloader::outcome out = run();
    if (!out || !out->dry_run) p.notes.note_reload(brief(out));
    return out;
  };
  const auto rules = [&p] {
    const auto now = p.current();
    return reload_rules{now->applications, base::to_nanos(now->spec.plugins.reload_deadline)};
  };
  const spec::plugin_options& plugins = p.started_with->spec.plugins;
  auto made = reloader::start({p.system, p.plugins, rules, restart_child},
                              plugins.watch ? plugins.path : std::vector<std::string>(), p.line, within);
  if (!made) return unexpected(std::move(made.error()).context("plugins.watch"));
  p.reloads = std::move(*made);
  return {};
}

base::status instance::start_applications() {
  components& p = *components_;
  behaviours::application_events events;
  events.all_started = [&p](const std::vector<std::string>& failed) {
    node_state starting = node_state::starting;
    p.state.compare_exchange_strong(starting, node_state::running);
    p.cron->begin();
    p.notes.tell();
    if (failed.empty()) return p.ready.settle({});
    p.ready.settle(base::fail(base::errc::refused, fmt::format("{} did not start", fmt::join(failed, ", "))));
  };
  events.node_must_stop = [&p](const std::string& application) {
    p.ready.settle(base::fail(base::errc::closed, application + " takes the node down"));
    p.end(ending::application);
  };
  events.gone = [&p] {
    p.applications_end.set_controlled(false);
    p.lost(behaviours::application_controller::registered_name);
  };
  runtime::spawn_options options;
  options.name = behaviours::application_controller::registered_name;
  options.of_node = true;
  p.applications_end.set_controlled(true);
  behaviours::supervision with{&p.actors, &p.tree, &p.orders, {}, {}, {}};
  const spec::allow_options& allow = p.started_with->spec.distribution.allow;
  with.rights = {allow.spawn, allow.supervise};
  with.resources.give(p.counted);
  with.resources.give(p.durable_log);
  with.resources.give(p.beats);
  with.resources.give(p.leads);
  const spec::limit_options& limits = p.started_with->spec.node.limits;
  const auto largest = spec::largest_raft_state(limits.term_bytes, message_memory(limits.memory));
  p.raft_states = {largest.bytes, std::string(largest.by)};
  with.resources.give(p.raft_states);
  with.resources.give<behaviours::pool_policies>(p.plugins);
  with.resources.give(p.certificates);
  with.resources.give(p.drain);
  with.resources.give(p.net->tls());
  if (p.sockets != nullptr) with.resources.give(*p.sockets);
  with.check_args = [&p](std::string_view actor, const runtime::message& args, const base::secrets* secrets,
                         bool of_template) {
    using part = spec::args_schema::part;
    return p.args_of_children.check(actor, args, of_template ? part::of_template : part::whole, secrets);
  };
  auto controller = p.system.spawn(
      std::move(options), std::make_unique<behaviours::application_controller>(
                              p.started_with->applications, std::move(with), p.board, std::move(events)));
  if (!controller) return unexpected(std::move(controller.error()).context("application_controller"));
  p.controller = *controller;
  return {};
}

bool instance::stop() {
  components& p = *components_;
  if (!p.applications_end.begin()) return p.came_back;
  p.state = node_state::stopping;
  if (p.sockets != nullptr) p.sockets->end();
  p.notes.tell();
  p.ready.settle(base::fail(base::errc::closed, "the node stops"));
  p.cron->stop();
  if (p.reloads) p.reloads->stop();
  if (p.controller) p.stop_applications();
  p.log_handlers.stop();
  p.tells.reset(); // before the processes that pass it on are gone
  if (p.net) p.net->stop();
  p.came_back = p.system.stop(last_patience);
  runtime::keep_last_words(-1);
  const ending reason = p.why;
  const bool asked = reason == ending::none || reason == ending::asked;
  p.life.end(asked, asked                           ? "it was stopped"
                    : reason == ending::application ? "an application took it down"
                                                    : "its own services ended");
  if (!p.came_back) {
    base::log::error(module, "a thread does not come back from the code it runs: the node ends without it");
    return false;
  }
  p.durable_log.close();
  for (const std::string& stays : p.plugins.unload()) base::log::warning(module, "{}", stays);
  return true;
}

void instance::note_restarts(std::uint64_t count) {
  components_->restarts_of_node = count;
}

void instance::hurry() {
  components_->applications_end.hurry();
}

const spec::node_spec& instance::spec() const {
  return components_->started_with->spec;
}

base::result<std::shared_ptr<net::tls_source>> instance::open_tls(const spec::tls_spec& of) {
  return components_->net->open_tls(of);
}

net::socket_store* instance::sockets() const {
  return components_->sockets;
}

instance::ending instance::why() const {
  return components_->why;
}

void instance::request_stop() {
  components_->end(ending::asked);
}

std::uint64_t instance::when_ready(std::function<void(base::status)> done) {
  return components_->ready.add(std::move(done));
}

void instance::forget(std::uint64_t id) {
  components_->ready.forget(id);
}

bool instance::ready() const {
  return components_->ready.ready();
}

event_tails& instance::tails() {
  return components_->tails;
}

behaviours::event_channels& instance::events() {
  return components_->events;
}

services::cron_jobs& instance::jobs() {
  return *components_->cron;
}

runtime::system& instance::runtime() {
  return components_->system;
}

} // namespace coppice::node
