// SPDX-License-Identifier: MIT
// Tests of the host's table of named events, as far as the table itself decides.
#include <coppice/draft/channel.h>

#include "behaviours/channels/event_channels.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

const coppice_channel_api& events = *host::event_interface();

coppice_bytes bytes_of(const literal& of) {
  return {of.raw.data, of.raw.size};
}

} // namespace

TEST_CASE("a plugin that is only tried out has no named events") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    std::uint64_t token = 1;
    CHECK(events.register_event(self, coppice_text("orders"), nullptr, &token) == COPPICE_E_UNSUPPORTED);
    CHECK(token == 0);
    CHECK(events.publish(self, 1, bytes_of(literal("one")), nullptr) == COPPICE_E_UNSUPPORTED);
    CHECK(events.subscribe(self, coppice_text("orders"), {}, nullptr, nullptr) == COPPICE_E_UNSUPPORTED);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
}

TEST_CASE("names, options and tokens that cannot be are refused") {
  stage set;
  behaviours::event_channels channels(set.host.system);
  set.publish_in(channels);
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const auto registers = [&](const char* name, const coppice_channel_options* options) {
      std::uint64_t token = 1;
      const std::int32_t status = events.register_event(self, coppice_text(name), options, &token);
      CHECK((status == COPPICE_OK) == (token != 0));
      return status;
    };
    for (const char* name : {"", "coppice.mine"}) {
      CAPTURE(name);
      CHECK(registers(name, nullptr) == COPPICE_E_INVALID);
    }
    coppice_channel_options usual{};
    usual.size = sizeof usual;
    const auto refuses = [&](auto change) {
      coppice_channel_options wrong = usual;
      change(wrong);
      CHECK(registers("orders", &wrong) == COPPICE_E_INVALID);
    };
    refuses([](auto& o) { o.size = COPPICE_CHANNEL_OPTIONS_LEAST - 1; });
    refuses([](auto& o) { o.flags = 4; });
    refuses([](auto& o) { o.buffer = 1'000'001; });
    refuses([](auto& o) { o.queue = 1'000'001; });
    refuses([](auto& o) { o.bytes = (std::uint64_t{64} << 20) + 1; });
    refuses([](auto& o) { o.slow = COPPICE_CHANNEL_PARK + 1; });
    CHECK(registers("orders", &usual) == COPPICE_OK);
    CHECK(events.register_event(self, coppice_text("orders"), nullptr, nullptr) == COPPICE_E_INVALID);
    CHECK(events.publish(self, 4711, bytes_of(literal("one")), nullptr) == COPPICE_E_NOT_FOUND);
    CHECK(events.unregister_event(self, 4711) == COPPICE_E_NOT_FOUND);
    CHECK(events.unsubscribe(self, coppice_text("orders"), {}) == COPPICE_E_NOT_FOUND);
    CHECK(events.subscribe(self, coppice_text("nowhere"), {}, nullptr, nullptr) == COPPICE_E_NOT_FOUND);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
}
