// SPDX-License-Identifier: MIT
// Routers under test: coppice/testing.hpp shows what is delivered to the actor's route(), and here is what a
// test sees of it. A call goes to those that serve() stands for and its answer to the test; casts and
// messages go to `did.sent`. The actor is one with `on_failed: callback`.
//
//   actor front(plugin::linked(), {.routes = {{"large", atom("warehouse")}}});
//   front.serve("warehouse", [](const value&) { return replies(atom("ok")); });
//   CHECK(front.call(order{5000}) == atom("ok"));
//   CHECK(front.did.routed.back().route == "large");
//
// Header-only; included by coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/router.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <coppice/testing/value.hpp>

namespace coppice::testing {

/// Where a router said that a message goes.
struct routed_message {
  std::uint32_t kind = COPPICE_ROUTED_INFO;
  value content;
  value from;              ///< of a call
  std::string route;       ///< "": `to` or `discard` was called
  value to;                ///< none: nowhere
  bool decided = false;    ///< false: it is the actor's own
  std::uint32_t tries = 0; ///< places it went to before
};

namespace detail {

/// What the callback that runs decides, for the host's functions.
struct routing_in_test {
  const std::map<std::string, value>* routes = nullptr;
  routed_message* deciding = nullptr; ///< null: no such callback runs
};

} // namespace detail
} // namespace coppice::testing
