// SPDX-License-Identifier: MIT
// Event handlers under test: coppice/testing.hpp delivers events, calls and the removal as the manager does;
// this header records how a handler left.
//
//   actor alarms(plugin::linked());
//   alarms.notify(std::pair(atom("set_alarm"), std::pair(atom("disk"), 90)));   // gen_event:notify
//   CHECK(alarms.call(atom("get_alarms")) == …);                              // gen_event:call
//   CHECK(alarms.remove(atom("why")) == …);                                     // gen_event:delete_handler
//   CHECK(alarms.did.left.at(0).why == atom("why"));
//
// Included by coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/draft/event_handler.h>
#include <coppice/server.h>

#include <coppice/testing/value.hpp>

namespace coppice::testing {

/// A handler has left its manager, by itself or removed.
struct left_manager {
  value why;             ///< the argument of `removed`
  value result;          ///< the term that `removed` wrote, `ok` without it; {'EXIT', Reason} if it failed
  value next, next_args; ///< of a swap: the new handler, and its argument beside `result`
};

namespace detail {

/// The callbacks that coppice_event_handler shares with coppice_server.
coppice_server as_server(const coppice_event_handler& from);

} // namespace detail
} // namespace coppice::testing
