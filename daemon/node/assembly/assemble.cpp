// SPDX-License-Identifier: MIT
// See assemble.hpp.
#include "node/assembly/assemble.hpp"

#include <algorithm>
#include <memory>

#include "node/assembly/child_assembly.hpp"
#include "node/assembly/convert.hpp"
#include "node/environment/message_memory.hpp"
#include "spec/schema/secrets.hpp"

namespace coppice::node {
namespace {

using behaviours::child_spec;
using behaviours::supervisor_spec;

std::shared_ptr<const supervisor_spec> supervisor(const spec::supervisor_spec& from) {
  auto out = bare_supervisor(from);
  for (const spec::child_spec& one : from.children) out->children.push_back(child(one));
  return out;
}

// Without the children of a nested supervisor.
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
  out.args = convert(from.args);
  out.secrets = spec::find_secrets(from.args);
  for (const child_assembly& one : assemblies()) one.give(from, out);
  return made;
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

std::shared_ptr<child_spec> child(const spec::child_spec& from) {
  auto out = bare_child(from);
  if (from.supervisor) out->supervisor = supervisor(*from.supervisor);
  return out;
}

std::shared_ptr<child_spec> updated_child(const spec::child_spec& from, const child_spec& old) {
  auto out = bare_child(from);
  if (from.supervisor) out->supervisor = old.supervisor;
  for (const child_assembly& one : assemblies())
    if (one.keep != nullptr) one.keep(from, old, *out);
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
