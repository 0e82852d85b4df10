// SPDX-License-Identifier: MIT
// A pool of the configuration, and its workers. Any thread.
#include "behaviours/pool/pool_kind.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/named_actor.hpp"
#include "spec/kinds/pool.hpp"

namespace coppice::node {
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

// The workers, numbered from 1.
std::shared_ptr<const behaviours::supervisor_spec> pool_workers(const spec::child_spec& pool,
                                                                const spec::pool_options& from) {
  auto out = std::make_shared<behaviours::supervisor_spec>();
  out->intensity = from.intensity;
  out->period = base::to_nanos(from.period);
  behaviours::child_spec worker;
  give_actor(worker, from);
  worker.plugin = pool.plugin;
  worker.behaviour = pool.behaviour;
  worker.shutdown = from.shutdown;
  if (pool.start_timeout) worker.start_timeout = base::to_nanos(*pool.start_timeout);
  worker.backoff = from.backoff;
  worker.mailbox = convert(from.mailbox);
  worker.priority = convert(pool.priority);
  for (std::uint32_t number = 1; number <= from.size; ++number) {
    runtime::message_writer id;
    id.unsigned_integer(number);
    worker.id = id.take();
    out->children.push_back(std::make_shared<const behaviours::child_spec>(worker));
  }
  return out;
}

void give_pool(const spec::child_spec& from, behaviours::child_spec& out) {
  const auto* const pool = from.find<spec::pool_options>();
  if (pool == nullptr) return;
  out.supervisor = pool_workers(from, *pool);
  out.kind = behaviours::pool_kind(pool_itself(*pool));
  if (pool->queue.on_full == tree::pool_overload::park_sender)
    out.mailbox = {pool->queue.limit, 0, runtime::on_full::park_sender};
}

} // namespace

child_assembly pool_assembly() {
  return {&give_pool};
}

} // namespace coppice::node
