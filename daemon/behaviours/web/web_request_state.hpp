// SPDX-License-Identifier: MIT
// The states of a request at a web server's connection, from its head to its line in the access log. The
// connection counts the requests that wait for an answer by what changes here, so a request cannot be counted
// twice or be forgotten. The connection's process, or libuv's callbacks on its worker.
#pragma once

#include <cstdint>

#include "base/transition_table.hpp"

namespace coppice::behaviours {

enum class web_request_state : std::uint8_t {
  arrived,   // its route is looked for; most refusals are answered here
  queued,    // it is sent to the route's process in the connection's next turn
  asked,     // a process has it and is to answer
  awaiting,  // a process has it and waits for more of the body, which the client has to send
  file,      // the answer has begun: a file
  events,    // the answer has begun: events, until one side ends
  streaming, // the answer has begun, and a process writes its body
  ended,     // counted and logged
};

enum class web_request_event : std::uint8_t {
  queues,
  is_sent,
  awaits_client, // the client has to send a part of its body next
  hears_client,  // it has sent that
  begins_file,
  begins_events,
  begins_stream,
  ends, // answered, refused or broken off
};

inline constexpr auto web_request_table = [] {
  using enum web_request_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<web_request_state, 8, web_request_event, 8>{{{
    //              queues  is_sent awaits_client hears_client begins_file begins_events begins_stream ends
    /* arrived */   {queued, never, never,        never,       file,       never,        never,        ended},
    /* queued */    {never,  asked, stays,        stays,       never,      never,        never,        ended},
    /* asked */     {never,  never, awaiting,     stays,       never,      events,       streaming,    ended},
    /* awaiting */  {never,  never, stays,        asked,       never,      events,       streaming,    ended},
    /* file */      {never,  never, never,        never,       never,      never,        never,        ended},
    /* events */    {never,  never, never,        never,       never,      never,        never,        ended},
    /* streaming */ {never,  never, never,        never,       never,      never,        never,        ended},
    /* ended */     {never,  never, never,        never,       never,      never,        never,        never},
  }}};
  // clang-format on
}();

class web_request_progress final : public base::state_machine<web_request_table> {
 public:
  using base::state_machine<web_request_table>::state_machine;

  bool is(state one) const { return now() == one; }
  // It counts as a request that waits for an answer: for its route and its site, in `awaiting` for its route
  // only.
  bool is_in_flight() const { return is_any(state::queued, state::asked, state::awaiting); }
  // Its status was counted when its answer began.
  bool is_counted() const { return is_any(state::events, state::streaming); }
};

} // namespace coppice::behaviours
