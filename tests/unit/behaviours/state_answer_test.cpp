// SPDX-License-Identifier: MIT
// Tests which form of answer to sys:get_state a node expects, by the version of its run-time system. That
// the node is asked for this version is tested with real nodes.
#include "behaviours/gen/state_answer.hpp"

#include <doctest/doctest.h>

using coppice::behaviours::takes_state_apart;

TEST_CASE("sys takes {ok, State} apart from OTP 26.1 on") {
  for (const char* old : {"12.3", "13.1.5", "13.2.2.11", "14.0", "14.0.2"}) {
    CAPTURE(old);
    CHECK_FALSE(takes_state_apart(old));
  }
  for (const char* newer : {"14.1", "14.1.1", "14.2.5", "15.2.7", "17.1.1", "20.0"}) {
    CAPTURE(newer);
    CHECK(takes_state_apart(newer));
  }
}

TEST_CASE("what is no version of OTP's counts as new") {
  for (const char* other : {"", "coppice 0.1.0", "14", "x.1", "99999999999999999999.1", "14."}) {
    CAPTURE(other);
    CHECK(takes_state_apart(other));
  }
}
