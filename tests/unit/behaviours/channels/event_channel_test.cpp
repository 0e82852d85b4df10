// SPDX-License-Identifier: MIT
// Tests the bound on the number of subscribers of a channel.
#include "behaviours/channels/event_channel.hpp"

#include <doctest/doctest.h>

#include "behaviours/channels/event_outlet.hpp"

using namespace coppice;
using namespace coppice::behaviours;

TEST_CASE("an event has a million subscribers at most; who has subscribed is told so all the same") {
  event_outlet outlet(0, [] {});
  // The channel is not open yet, so no subscriber is handed to the outlet.
  const auto channel =
      std::make_shared<event_channel>(runtime::message::atom("orders"), std::vector{&outlet}, nullptr);
  const auto subscribe = [&](std::uint32_t id) { return channel->subscribe({0, 4, id, 0}, 0, {}); };
  std::uint32_t id = 0;
  while (id < event_channel::most_subscribers && subscribe(id + 1)) ++id;
  CHECK(channel->counts().subscribers == event_channel::most_subscribers);
  CHECK(subscribe(id + 1).error().code == base::errc::limit);
  CHECK(subscribe(id).error().code == base::errc::exists);
  CHECK(channel->unsubscribe({0, 4, 1, 0}));
  CHECK(subscribe(id + 1));
}
