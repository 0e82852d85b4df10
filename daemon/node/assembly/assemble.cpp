// SPDX-License-Identifier: MIT
// See assemble.hpp.
#include "node/assembly/assemble.hpp"

#include <algorithm>
#include <memory>

#include "behaviours/consumer_supervisor/consumer_supervisor.hpp"
#include "behaviours/event_manager/event_manager_kind.hpp"
#include "behaviours/pool/pool_kind.hpp"
#include "behaviours/raft/raft_kind.hpp"
#include "behaviours/saga/saga_kind.hpp"
#include "node/assembly/convert.hpp"
#include "node/assembly/router_term.hpp"
#include "node/assembly/saga_term.hpp"
#include "node/assembly/stage_term.hpp"
#include "node/assembly/stream_child.hpp"
#include "node/assembly/udp_child.hpp"
#include "node/environment/machine_memory.hpp"
#include "spec/port_options.hpp"
#include "spec/secrets.hpp"

namespace coppice::node {
namespace {

using behaviours::child_spec;
using behaviours::supervisor_spec;

std::shared_ptr<const supervisor_spec> supervisor(const spec::supervisor_spec& from) {
  auto out = bare_supervisor(from);
  for (const spec::child_spec& one : from.children) out->children.push_back(child(one));
  return out;
}

std::optional<base::nanos> stop_bound(const supervisor_spec& of) {
  using kind = tree::shutdown_limit::kind;
  base::nanos sum = 0;
  for (const auto& child : of.children) {
    if (child->shutdown.how == kind::after) sum += child->shutdown.time;
    if (child->shutdown.how != kind::infinity) continue;
    const auto inner = child->supervisor ? stop_bound(*child->supervisor) : std::nullopt;
    if (!inner) return std::nullopt;
    sum += *inner;
  }
  return sum;
}

std::uint32_t bounded(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, UINT32_MAX));
}

} // namespace

runtime::system_options runtime_options(const spec::node_spec& spec) {
  runtime::system_options out;
  out.node_name = spec.node.name;
  out.nodes.connected = bounded(spec.node.limits.connections);
  out.workers = bounded(spec.node.workers.value_or(0));
  out.processes = bounded(spec.node.limits.processes);
  out.parked_stacks = bounded(spec.node.limits.parked_stacks.value_or(0));
  out.memory = message_memory(spec.node.limits.memory);
  out.park = base::to_nanos(spec.node.runtime.park);
  out.linger = base::to_nanos(spec.node.runtime.linger);
  out.watchdog = base::to_nanos(spec.node.runtime.watchdog);
  out.busy_wait = spec.node.runtime.busy_wait == spec::busy_wait::adaptive;
  out.blocking_threads = spec.node.runtime.blocking_threads;
  out.stack_bytes = static_cast<std::size_t>(spec.node.runtime.stack);
  return out;
}

base::log::settings log_settings(const spec::node_spec& spec) {
  const spec::log_options& from = spec.node.log;
  base::log::settings out;
  out.level = from.level;
  for (const auto& one : from.modules) out.modules.emplace_back(one.module, one.level);
  out.rate = {from.rate.per_source.value_or(0), from.rate.burst};
  out.messages = from.messages;
  for (const auto& one : from.files)
    out.files.push_back({one.path, one.level, one.rotate.bytes, one.rotate.keep});
  for (const auto& one : from.handlers) {
    base::log::handler_target& to = out.handlers.emplace_back();
    to.name = one.name;
    to.syslog = one.to.syslog;
    to.level = one.level;
    for (const auto& module : one.modules) to.modules.emplace_back(module.module, module.level);
    to.limit = one.queue.limit;
    to.on_full = one.queue.on_full;
  }
  return out;
}

std::vector<services::log_actor> log_actors(const spec::node_spec& spec) {
  std::vector<services::log_actor> out;
  for (const spec::log_handler_options& one : spec.node.log.handlers)
    if (!one.to.actor.empty())
      out.push_back({one.name, one.to.actor, convert(one.to.args), spec::find_secrets(one.to.args)});
  return out;
}

std::shared_ptr<const behaviours::event_manager_spec> events(const spec::event_manager_options& from) {
  auto out = std::make_shared<behaviours::event_manager_spec>();
  for (const spec::event_handler_options& one : from.handlers) {
    behaviours::event_handler_spec& made = out->handlers.emplace_back();
    runtime::message_writer name;
    name.tuple(2);
    name.atom(one.actor);
    name.atom(one.id);
    made.name = name.take();
    made.actor = one.actor;
    made.args = convert(one.args);
    made.secrets = spec::find_secrets(one.args);
    made.permanent = one.restart == spec::handler_restart::permanent;
    if (one.unhandled) made.unhandled = convert(*one.unhandled);
  }
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  if (from.slow_after) out->slow_after = base::to_nanos(*from.slow_after);
  out->backlog = {from.backlog.limit, from.backlog.bytes, from.backlog.on_full};
  out->limit = from.limit;
  return out;
}

// Null: it has none.
std::shared_ptr<const behaviours::saga_worker_options> saga_workers(const spec::saga_options& from) {
  if (from.worker.empty()) return nullptr;
  return std::make_shared<const behaviours::saga_worker_options>(behaviours::saga_worker_options{
      from.worker, convert(from.worker_args), spec::find_secrets(from.worker_args), from.workers});
}

std::shared_ptr<child_spec> bare_child(const spec::child_spec& from) {
  const auto made = std::make_shared<child_spec>();
  child_spec& out = *made;
  out.id = runtime::message::atom(from.id);
  out.actor = from.actor;
  out.plugin = from.plugin;
  out.behaviour = from.behaviour;
  out.name = from.name;
  out.restart = from.restart;
  out.significant = from.significant;
  if (from.start_timeout) out.start_timeout = base::to_nanos(*from.start_timeout);
  out.shutdown = from.shutdown;
  out.backoff = from.backoff;
  out.mailbox = convert(from.mailbox);
  out.priority = convert(from.priority);
  if (from.compression)
    out.compression = runtime::sent_compressed::at(from.compression->level, from.compression->threshold);
  if (from.unhandled) out.unhandled = convert(*from.unhandled);
  if (from.statem) out.postponed = convert(from.statem->postponed);
  if (from.stage) out.options = stage_term(*from.stage, from.behaviour);
  if (from.router) out.options = router_term(*from.router);
  if (from.behaviour == "saga") {
    const spec::saga_options saga = from.saga.value_or(spec::saga_options());
    out.options = saga_term(saga);
    if (saga.log == tree::saga_log::durable || !saga.worker.empty())
      out.kind = behaviours::saga_kind(saga.log == tree::saga_log::durable, saga_workers(saga));
  }
  if (from.consumer_supervisor) {
    spec::stage_options consumer;
    consumer.subscribe_to = from.consumer_supervisor->subscribe_to;
    out.options = stage_term(consumer, "consumer");
    out.kind = behaviours::consumer_supervisor_kind();
  }
  out.args = convert(from.args);
  out.secrets = spec::find_secrets(from.args);
  if (from.event_manager) out.kind = behaviours::event_manager_kind(events(*from.event_manager));
  return made;
}

namespace {

std::shared_ptr<const behaviours::pool_spec> pool_itself(const spec::pool_options& from) {
  auto out = std::make_shared<behaviours::pool_spec>();
  out->dispatch = from.dispatch;
  out->key = from.key;
  out->in_flight = from.in_flight;
  out->queue_limit = from.queue.limit;
  out->queue_wait = from.queue.wait ? base::to_nanos(*from.queue.wait) : runtime::no_deadline;
  out->on_full = from.queue.on_full;
  out->on_death = from.on_worker_death;
  out->drain = base::to_nanos(from.drain);
  out->max = from.max.value_or(0);
  out->idle = base::to_nanos(from.idle);
  return out;
}

// Numbered from 1.
std::shared_ptr<const supervisor_spec> pool_workers(const spec::child_spec& pool) {
  const spec::pool_options& from = *pool.pool;
  auto out = std::make_shared<supervisor_spec>();
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  child_spec worker;
  worker.actor = from.actor;
  worker.plugin = pool.plugin;
  worker.behaviour = pool.behaviour;
  worker.shutdown = from.shutdown;
  if (pool.start_timeout) worker.start_timeout = base::to_nanos(*pool.start_timeout);
  worker.backoff = from.backoff;
  worker.mailbox = convert(from.mailbox);
  worker.priority = convert(pool.priority);
  if (from.unhandled) worker.unhandled = convert(*from.unhandled);
  worker.args = convert(from.args);
  worker.secrets = spec::find_secrets(from.args);
  for (std::uint32_t number = 1; number <= from.size; ++number) {
    runtime::message_writer id;
    id.unsigned_integer(number);
    worker.id = id.take();
    out->children.push_back(std::make_shared<const child_spec>(worker));
  }
  return out;
}

std::shared_ptr<const behaviours::raft::raft_spec> group(const spec::raft_options& from) {
  auto out = std::make_shared<behaviours::raft::raft_spec>();
  out->members = from.members;
  out->join = from.join;
  out->heartbeat = base::to_nanos(from.heartbeat);
  out->election = base::to_nanos(from.election);
  out->snapshot_entries = from.snapshot.entries;
  out->snapshot_bytes = from.snapshot.bytes;
  out->keep_entries = from.snapshot.keep_entries;
  out->entry_bytes = from.limits.entry;
  out->in_flight_bytes = from.limits.in_flight;
  out->pending = from.limits.pending;
  out->clients = from.limits.clients;
  out->append_timeout = base::to_nanos(from.append_timeout);
  out->query_timeout = base::to_nanos(from.query_timeout);
  out->check = from.check;
  out->from = from.from;
  return out;
}

// A template of what is started for each event.
std::shared_ptr<const supervisor_spec> event_children(const spec::child_spec& of) {
  const spec::consumer_supervisor_options& from = *of.consumer_supervisor;
  auto out = std::make_shared<supervisor_spec>();
  out->strategy = tree::strategy::simple_one_for_one;
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  auto one = std::make_shared<child_spec>();
  one->id = runtime::message::atom(behaviours::consumer_supervisor::event_key);
  one->actor = from.child.actor;
  one->plugin = of.plugin;
  one->behaviour = of.behaviour;
  one->restart = from.child.restart;
  one->shutdown = from.child.shutdown;
  if (of.start_timeout) one->start_timeout = base::to_nanos(*of.start_timeout);
  one->mailbox = convert(from.child.mailbox);
  one->priority = convert(of.priority);
  if (from.child.unhandled) one->unhandled = convert(*from.child.unhandled);
  one->args = convert(from.child.args);
  one->secrets = spec::find_secrets(from.child.args);
  out->children.push_back(std::move(one));
  return out;
}

// The actor that `udp`, `tcp` or `port` names is the child's own.
template <class Options>
void host(child_spec& out, const Options& from) {
  out.actor = from.actor;
  out.args = convert(from.args);
  out.secrets = spec::find_secrets(from.args);
  if (from.unhandled) out.unhandled = convert(*from.unhandled);
}

} // namespace

std::shared_ptr<child_spec> child(const spec::child_spec& from) {
  auto out = bare_child(from);
  if (from.udp) {
    host(*out, *from.udp);
    give_sockets(*out, *from.udp);
  }
  if (from.tcp && from.tcp->connect) {
    host(*out, *from.tcp);
    out->kind = connected_actor(*from.tcp);
  } else if (from.tcp) {
    out->kind = listener(from);
  }
  if (from.web != nullptr) out->kind = web_server(from);
  if (from.port != nullptr) {
    host(*out, *from.port);
    out->kind = program_actor(*from.port);
  }
  if (from.raft) out->kind = behaviours::raft_kind(group(*from.raft));
  if (from.pool) {
    out->supervisor = pool_workers(from);
    out->kind = behaviours::pool_kind(pool_itself(*from.pool));
    if (from.pool->queue.on_full == tree::pool_overload::park_sender)
      out->mailbox = {from.pool->queue.limit, 0, runtime::on_full::park_sender};
  }
  if (from.consumer_supervisor) out->supervisor = event_children(from);
  if (from.supervisor) out->supervisor = supervisor(*from.supervisor);
  return out;
}

std::shared_ptr<supervisor_spec> bare_supervisor(const spec::supervisor_spec& from) {
  auto out = std::make_shared<supervisor_spec>();
  out->name = from.name;
  out->strategy = from.strategy;
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  out->on_exceeded = from.on_exceeded;
  out->auto_shutdown = from.auto_shutdown;
  return out;
}

behaviours::application_spec bare_application(const spec::application_spec& from) {
  behaviours::application_spec out;
  out.name = from.name;
  out.type = from.type;
  out.depends_on = from.depends_on;
  out.max_runtime = from.max_runtime ? base::to_nanos(*from.max_runtime) : 0;
  out.env = convert(from.env);
  return out;
}

behaviours::application_spec application(const spec::application_spec& from) {
  behaviours::application_spec out = bare_application(from);
  out.top = supervisor(from.supervisor);
  return out;
}

std::vector<behaviours::application_spec> applications(const spec::node_spec& spec) {
  std::vector<behaviours::application_spec> out;
  for (const spec::application_spec& from : spec.applications) out.push_back(application(from));
  return out;
}

std::optional<base::nanos> stop_bound(const std::vector<behaviours::application_spec>& applications) {
  base::nanos sum = 0;
  for (const behaviours::application_spec& one : applications) {
    const auto bound = stop_bound(*one.top);
    if (!bound) return std::nullopt;
    sum += *bound;
  }
  return sum;
}

} // namespace coppice::node
