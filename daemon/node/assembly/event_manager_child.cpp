// SPDX-License-Identifier: MIT
// An event manager of the configuration, with its handlers. Any thread.
#include "base/clock.hpp"
#include "behaviours/event_manager/event_manager_kind.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/convert.hpp"
#include "spec/kinds/event_manager.hpp"
#include "spec/schema/secrets.hpp"

namespace coppice::node {
namespace {

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

void give_event_manager(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const manager = from.find<spec::event_manager_options>())
    out.kind = behaviours::event_manager_kind(events(*manager));
}

} // namespace

child_assembly event_manager_assembly() {
  return {&give_event_manager};
}

} // namespace coppice::node
