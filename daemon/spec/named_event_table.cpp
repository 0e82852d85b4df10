// SPDX-License-Identifier: MIT
// See named_event_table.hpp.
#include "spec/named_event_table.hpp"

#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint32_t most_kept = 1'000'000;
constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;

std::string check_event_name(std::string_view name) {
  if (name.starts_with("coppice.")) return "must not begin with coppice., as the node's own events do";
  return check_registered_name(name);
}

void check_event(reader& from, const node& at, named_event& event) {
  if (event.bytes == 0 || event.bytes > most_bytes)
    from.error(*at.find("bytes"), "bytes: must be from 1B to 64MiB");
}

} // namespace

const table<named_event>& named_event_table() {
  using event = named_event;
  static const auto rows =
      table<event>()
          .add<&event::name>("name", text("a name", &check_event_name), "what it is subscribed to by")
          .needed()
          .add<&event::producer>("producer", text("a registered name", &check_registered_name),
                                 "the registered name of the actor here who alone may register as its "
                                 "producer; absent: the first one that does")
          .add<&event::buffer>("buffer", whole<std::uint32_t>(0, most_kept),
                               "the last events, which whoever subscribes gets first of all")
          .add<&event::queue>("queue", whole<std::uint32_t>(1, most_kept),
                              "as many more are kept while a subscriber has not had them")
          .add<&event::bytes>("bytes", size(), "the largest payload, as an encoded term")
          .add<&event::open>("open", flag(),
                             "whoever knows its name may publish, by coppice_events and `coppice events "
                             "publish`; else who has its producer's token")
          .add<&event::notify>("notify", flag(),
                               "its producer gets {event_subscribers, Name, Count} when the first one "
                               "subscribes and when the last one leaves")
          .add<&event::slow>(
              "slow", choice<tree::slow_subscriber>(),
              "what becomes of events for whose subscriber there is no room. drop_old: when there is, it "
              "gets what is still kept; drop_new: it gets what comes then; both are told which numbers they "
              "lost; unsubscribe: its subscription ends; park: who publishes waits for the subscribers of "
              "this node")
          .check(&check_event);
  return rows;
}

} // namespace coppice::spec
