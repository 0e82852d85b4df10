// SPDX-License-Identifier: MIT
// The part of an event handler's table that servers have as well. Any thread.
#include <coppice/testing/event.hpp>

namespace coppice::testing {

namespace detail {

coppice_server as_server(const coppice_event_handler& from) {
  coppice_server out{};
  out.size = sizeof out;
  out.handle_call = from.handle_call;
  out.handle_info = from.handle_info;
  out.on_response = from.on_response;
  return out;
}

} // namespace detail
} // namespace coppice::testing
