// SPDX-License-Identifier: MIT
// Routers under test: coppice/testing.hpp shows delivered messages to the actor's route(); this header
// records the decisions. A call goes to the processes of serve() and its answer to the test; casts and
// messages go to `did.sent`. The router has `on_failed: callback`.
//
//   actor front(plugin::linked(), {.routes = {{"large", atom("warehouse")}}});
//   front.serve("warehouse", [](const value&) { return replies(atom("ok")); });
//   CHECK(front.call(order{5000}) == atom("ok"));
//   CHECK(front.did.routed.back().route == "large");
//
// Included by coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/draft/router.h>

#include <cstdint>
#include <map>
#include <string>

#include <coppice/testing/value.hpp>

namespace coppice::testing {

/// Where a router sent a message.
struct routed_message {
  std::uint32_t kind = COPPICE_ROUTED_INFO;
  value content;
  value from;              ///< of a call
  std::string route;       ///< "": `to` or `discard` was called
  value to;                ///< none: discarded
  bool decided = false;    ///< false: the router handles it itself
  std::uint32_t tries = 0; ///< number of destinations tried before
};

namespace detail {

/// The decision of the running callback, for the host's functions.
struct routing_in_test {
  const std::map<std::string, value>* routes = nullptr;
  routed_message* deciding = nullptr; ///< null: no such callback runs
};

} // namespace detail
} // namespace coppice::testing
