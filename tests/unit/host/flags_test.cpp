// SPDX-License-Identifier: MIT
// Tests of the flags of functions that send: the meaning of each flag, and the refusal of unknown flags.
#include "host/boundary/flags.hpp"

#include <doctest/doctest.h>

namespace coppice::host {

TEST_CASE("each flag says one thing of how a signal is sent, and others are none of them") {
  for (std::uint32_t flags = 0; flags < 8; ++flags) {
    CAPTURE(flags);
    const auto how = sending_of(flags, flags_of_messages);
    REQUIRE(how);
    CHECK((how->urgency == runtime::urgency::priority) == ((flags & COPPICE_PRIORITY) != 0));
    CHECK(how->connects == ((flags & COPPICE_NO_CONNECT) == 0));
    CHECK(how->waits == ((flags & COPPICE_NO_WAIT) == 0));
    for (std::uint32_t bit = 8; bit != 0; bit <<= 1) CHECK_FALSE(sending_of(flags | bit, flags_of_messages));
    CHECK(sending_of(flags, flags_of_signals).has_value() == ((flags & COPPICE_NO_WAIT) == 0));
  }
}

} // namespace coppice::host
