// SPDX-License-Identifier: MIT
// See saga_term.hpp.
#include "node/assembly/saga_term.hpp"

#include "base/clock.hpp"

namespace coppice::node {

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

} // namespace coppice::node
