// SPDX-License-Identifier: MIT
// The state tables of TLS between a stream and its carrier: the next state for each event in each state.
#include <doctest/doctest.h>

#include "net/tls/tls_filter_state.hpp"
#include "walked_table.hpp"

namespace coppice::net {

TEST_CASE("how far TLS has come: every state with every event") {
  test::walk<tls_phase>({
      // begins, opens
      "waiting shaking !",
      "shaking !       open",
      "open    !       !",
  });
  CHECK(test::reaches_all<tls_phase>());
}

TEST_CASE("what TLS reads of its carrier: every state with every event") {
  test::walk<tls_reading>({
      // begins, stops, fills, drains
      "idle    running .    .    .",
      "running .       idle full .",
      "full    .       idle .    running",
  });
  CHECK(test::reaches_all<tls_reading>());
}

} // namespace coppice::net
