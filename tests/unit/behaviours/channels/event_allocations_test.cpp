// SPDX-License-Identifier: MIT
// Tests that publishing on a channel without subscribers allocates no memory.
#include <doctest/doctest.h>

#include "behaviours/channels/event_channel.hpp"
#include "behaviours/channels/event_outlet.hpp"
#include "etf/allocations.hpp"

using namespace coppice;
using namespace coppice::behaviours;

TEST_CASE("publishing to nobody, with nothing kept, allocates nothing") {
  event_outlet outlet(0, [] {});
  const auto channel =
      std::make_shared<event_channel>(runtime::message::atom("orders"), std::vector{&outlet}, nullptr);
  channel->begin(7, 0, {});
  const runtime::message payload = runtime::message::atom("something");
  std::uint64_t last = 0;
  const allocations::tally spent = allocations::of([&] {
    for (int i = 0; i < 1000; ++i) (void)channel->publish(payload.bytes(), &last);
  });
  CHECK(spent.count == 0);
  CHECK(last == 1000);
  // With a subscriber, publishing allocates. This shows that the count works.
  REQUIRE(channel->subscribe({0, 4, 1, 0}, 0, {}));
  CHECK(allocations::of([&] { (void)channel->publish(payload.bytes()); }).count != 0);
}
