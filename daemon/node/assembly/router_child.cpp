// SPDX-License-Identifier: MIT
// The options of a router, as the term that its engine reads. Any thread.
#include "base/clock.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/process_term.hpp"
#include "spec/kinds/router.hpp"

namespace coppice::node {
namespace {

runtime::message router_term(const spec::router_options& of) {
  runtime::message_writer out;
  out.tuple(4);
  out.atom(tree::text(of.on_failed));
  if (of.timeout)
    out.integer(base::to_nanos(*of.timeout));
  else
    out.atom("infinity");
  out.unsigned_integer(of.pending);
  if (!of.routes.empty()) out.list(static_cast<std::uint32_t>(of.routes.size()));
  for (const spec::router_route& one : of.routes) {
    out.tuple(2);
    out.binary(one.name);
    write_process(out, one.to);
  }
  out.nil();
  return out.take();
}

void give_router(const spec::child_spec& from, behaviours::child_spec& out) {
  if (const auto* const router = from.find<spec::router_options>()) out.options = router_term(*router);
}

} // namespace

child_assembly router_assembly() {
  return {&give_router};
}

} // namespace coppice::node
