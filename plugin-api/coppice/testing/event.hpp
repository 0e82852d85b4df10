// SPDX-License-Identifier: MIT
// Event handlers under test: coppice/testing.hpp delivers events to one as its manager does, asks it, and
// takes it out; here is what a test sees of its leaving.
//
//   actor alarms(plugin::linked());
//   alarms.notify(std::pair(atom("set_alarm"), std::pair(atom("disk"), 90)));   // gen_event:notify
//   CHECK(alarms.call(atom("get_alarms")) == …);                              // gen_event:call
//   CHECK(alarms.remove(atom("why")) == …);                                     // gen_event:delete_handler
//   CHECK(alarms.did.left.at(0).why == atom("why"));
//
// Header-only; included by coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/event_handler.h>
#include <coppice/server.h>

#include <coppice/testing/value.hpp>

namespace coppice::testing {

/// A handler has left its manager, of its own accord or not.
struct left_manager {
  value why;             ///< what `removed` was given
  value result;          ///< what that wrote, `ok` without it; {'EXIT', Reason} if it failed
  value next, next_args; ///< of a swap: which handler takes its place, and what that is given with `result`
};

namespace detail {

/// What coppice_event_handler has in common with coppice_server, where that is how it is asked.
inline coppice_server as_server(const coppice_event_handler& from) {
  coppice_server out{};
  out.size = sizeof out;
  out.handle_call = from.handle_call;
  out.handle_info = from.handle_info;
  out.on_response = from.on_response;
  return out;
}

} // namespace detail
} // namespace coppice::testing
