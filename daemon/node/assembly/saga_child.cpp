// SPDX-License-Identifier: MIT
// A saga of the configuration: its options as the term that its engine reads, its log and its workers. Any
// thread.
#include "base/clock.hpp"
#include "behaviours/saga/saga_kind.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/convert.hpp"
#include "spec/kinds/saga.hpp"
#include "spec/schema/secrets.hpp"

namespace coppice::node {
namespace {

runtime::message saga_term(const spec::saga_options& of) {
  runtime::message_writer out;
  out.tuple(14);
  out.atom(tree::text(of.commit));
  out.atom(tree::text(of.log));
  out.integer(base::to_nanos(of.lifespan));
  out.unsigned_integer(of.hops);
  out.unsigned_integer(of.max_transactions);
  out.integer(base::to_nanos(of.retry.first));
  out.integer(base::to_nanos(of.retry.max));
  out.integer(base::to_nanos(of.step_timeout));
  out.integer(base::to_nanos(of.answers.keep));
  out.unsigned_integer(of.answers.count);
  out.unsigned_integer(of.limits.value);
  out.unsigned_integer(of.limits.in_doubt);
  out.unsigned_integer(of.limits.steps);
  if (!of.from.empty()) out.list(static_cast<std::uint32_t>(of.from.size()));
  for (const std::string& one : of.from) out.binary(std::string_view(one));
  out.nil();
  return out.take();
}

// Null: the saga has no workers.
std::shared_ptr<const behaviours::saga_worker_options> saga_workers(const spec::saga_options& from) {
  if (from.worker.empty()) return nullptr;
  return std::make_shared<const behaviours::saga_worker_options>(behaviours::saga_worker_options{
      from.worker, convert(from.worker_args), spec::find_secrets(from.worker_args), from.workers});
}

void give_saga(const spec::child_spec& from, behaviours::child_spec& out) {
  if (from.behaviour != "saga") return;
  const auto* const written = from.find<spec::saga_options>();
  const spec::saga_options saga = written != nullptr ? *written : spec::saga_options();
  out.options = saga_term(saga);
  const bool is_durable = saga.log == tree::saga_log::durable;
  if (is_durable || !saga.worker.empty()) out.kind = behaviours::saga_kind(is_durable, saga_workers(saga));
}

} // namespace

child_assembly saga_assembly() {
  return {&give_saga};
}

} // namespace coppice::node
