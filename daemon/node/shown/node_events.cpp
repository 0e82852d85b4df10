// SPDX-License-Identifier: MIT
// Turns an event of the log into the payload of the named event.
#include "node/shown/node_events.hpp"

#include <coppice/etf/writer.hpp>

#include "base/log_event.hpp"

namespace coppice::node {

namespace log = base::log;

behaviours::declared_event node_events::declaration() {
  behaviours::declared_event out;
  out.name = name;
  out.options.buffer = 100;
  return out;
}

node_events::node_events(behaviours::event_channels& to) {
  log::set_event_listener(
      [&to](const log::event& of, const std::vector<log::field>& fields, const std::string& text) {
        etf::vector_writer out;
        out.map(3);
        out.atom("event");
        out.atom(of.name);
        out.atom("text");
        out.binary(text);
        out.atom("fields");
        out.map(static_cast<std::uint32_t>(fields.size()));
        for (const log::field& one : fields) {
          out.atom(one.name);
          out.binary(one.value);
        }
        if (!out.failed()) to.tell(name, out.view());
      });
}

node_events::~node_events() {
  log::set_event_listener({});
}

} // namespace coppice::node
