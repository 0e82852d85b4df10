// SPDX-License-Identifier: MIT
// Tests that a plugin's publishing on a channel without subscribers allocates no memory.
#include <coppice/draft/channel.h>

#include "behaviours/channels/event_channels.hpp"
#include "etf/allocations.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

TEST_CASE("a plugin that publishes to nobody, with nothing kept, allocates nothing") {
  const coppice_channel_api& named_events = *host::event_interface();
  stage set;
  behaviours::event_channels channels(set.host.system);
  set.publish_in(channels);
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    std::uint64_t token = 0, last = 0;
    REQUIRE(named_events.register_event(self, coppice_text("orders"), nullptr, &token) == COPPICE_OK);
    const literal payload("{order, 1}");
    const allocations::tally spent = allocations::of([&] {
      for (int i = 0; i < 1000; ++i)
        (void)named_events.publish(self, token, {payload.raw.data, payload.raw.size}, &last);
    });
    CHECK(spent.count == 0);
    CHECK(last == 1000);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
}
