// SPDX-License-Identifier: MIT
// See event_list.hpp.
#include "node/assembly/event_list.hpp"

#include "node/shown/node_events.hpp"

namespace coppice::node {

std::vector<behaviours::declared_event> event_list(const spec::node_spec& spec) {
  std::vector<behaviours::declared_event> out;
  for (const spec::named_event& from : spec.events)
    out.push_back(
        {from.name, from.producer, {from.buffer, from.queue, from.bytes, from.open, from.notify, from.slow}});
  out.push_back(node_events::declaration());
  return out;
}

} // namespace coppice::node
