// SPDX-License-Identifier: MIT
// See event_list.hpp.
#include "node/assembly/event_list.hpp"

#include "node/shown/node_events.hpp"

namespace coppice::node {
namespace {

behaviours::slow_subscriber policy_of(spec::slow_policy from) {
  switch (from) {
    case spec::slow_policy::drop_new:
      return behaviours::slow_subscriber::drop_new;
    case spec::slow_policy::unsubscribe:
      return behaviours::slow_subscriber::unsubscribe;
    case spec::slow_policy::park:
      return behaviours::slow_subscriber::park;
    case spec::slow_policy::drop_old:
      break;
  }
  return behaviours::slow_subscriber::drop_old;
}

} // namespace

std::vector<behaviours::declared_event> event_list(const spec::node_spec& spec) {
  std::vector<behaviours::declared_event> out;
  for (const spec::named_event& from : spec.events)
    out.push_back({from.name,
                   from.producer,
                   {from.buffer, from.queue, from.bytes, from.open, from.notify, policy_of(from.slow)}});
  out.push_back(node_events::declaration());
  return out;
}

} // namespace coppice::node
