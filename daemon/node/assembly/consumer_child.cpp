// SPDX-License-Identifier: MIT
// A consumer supervisor of the configuration. Any thread.
#include "behaviours/consumer_supervisor/consumer_supervisor.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/named_actor.hpp"
#include "node/assembly/stage_term.hpp"
#include "spec/kinds/consumer_supervisor.hpp"

namespace coppice::node {
namespace {

// The template of the child that is started for each event.
std::shared_ptr<const behaviours::supervisor_spec> event_children(
    const spec::child_spec& of, const spec::consumer_supervisor_options& from) {
  auto out = std::make_shared<behaviours::supervisor_spec>();
  out->strategy = tree::strategy::simple_one_for_one;
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  auto one = std::make_shared<behaviours::child_spec>();
  one->id = runtime::message::atom(behaviours::consumer_supervisor::event_key);
  give_actor(*one, from.child);
  one->plugin = of.plugin;
  one->behaviour = of.behaviour;
  one->restart = from.child.restart;
  one->shutdown = from.child.shutdown;
  if (of.start_timeout) one->start_timeout = base::to_nanos(*of.start_timeout);
  one->mailbox = convert(from.child.mailbox);
  one->priority = convert(of.priority);
  out->children.push_back(std::move(one));
  return out;
}

void give_consumer_supervisor(const spec::child_spec& from, behaviours::child_spec& out) {
  const auto* const options = from.find<spec::consumer_supervisor_options>();
  if (options == nullptr) return;
  spec::stage_options consumer;
  consumer.subscribe_to = options->subscribe_to;
  out.options = stage_term(consumer, "consumer");
  out.kind = behaviours::consumer_supervisor_kind();
  out.supervisor = event_children(from, *options);
}

void keep_consumers(const spec::child_spec& from, const behaviours::child_spec& old,
                    behaviours::child_spec& made) {
  if (from.find<spec::consumer_supervisor_options>() != nullptr) made.supervisor = old.supervisor;
}

} // namespace

child_assembly consumer_supervisor_assembly() {
  return {&give_consumer_supervisor, &keep_consumers};
}

} // namespace coppice::node
