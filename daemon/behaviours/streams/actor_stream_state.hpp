// SPDX-License-Identifier: MIT
// The states of an actor's stream, without a socket: its life, what the actor is to be told next, the peer's
// end, room for what is written, and the bytes that on_data() has. Each is a state machine with its own
// table. actor_stream reports events to them and asks what follows. The thread of the actor's loop.
#pragma once

#include <cstdint>

#include "base/transition_table.hpp"

namespace coppice::behaviours {

enum class actor_stream_life_state : std::uint8_t {
  opening, // it connects, or its TLS handshake is under way
  proxied, // it was accepted, and its PROXY header has not come yet
  open,
  broken, // the socket is gone; frames that came whole before are still handed out
  ending, // the socket is gone, and on_close is to come
  gone,   // on_close is over, or another owner has the stream
};

enum class actor_stream_life_event : std::uint8_t {
  expects_header,
  has_header,
  opens,
  breaks, // the socket is gone, and a whole frame is there
  ends,   // the socket is gone, and nothing is to be handed out
  told,   // on_close
  handed_over,
};

inline constexpr auto actor_stream_life_table = [] {
  using enum actor_stream_life_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<actor_stream_life_state, 6, actor_stream_life_event, 7>{{{
    //            expects_header has_header opens  breaks  ends    told   handed_over
    /* opening */ {proxied,      never,     open,  never,  ending, never, never},
    /* proxied */ {never,        opening,   never, never,  ending, never, never},
    /* open */    {never,        never,     stays, broken, ending, never, gone},
    /* broken */  {never,        never,     stays, never,  ending, never, never},
    /* ending */  {never,        never,     stays, never,  never,  gone,  never},
    /* gone */    {never,        never,     stays, never,  never,  never, never},
  }}};
  // clang-format on
}();

class actor_stream_life final : public base::state_machine<actor_stream_life_table> {
 public:
  using base::state_machine<actor_stream_life_table>::state_machine;

  bool is(state one) const { return now() == one; }
  bool is_opening() const { return is_any(state::opening, state::proxied); }
  // Whether input may be handed to the actor.
  bool hands_out() const { return is_any(state::open, state::broken); }
  // Whether deadlines apply.
  bool is_timed() const { return is_any(state::proxied, state::open); }
  bool has_socket() const { return is_any(state::opening, state::proxied, state::open); }
  bool is_over() const { return is_any(state::ending, state::gone); }
};

// The news that the actor is told in its next turn: first on_connect, then on_secured.
enum class actor_stream_news_state : std::uint8_t { none, connected, secured, both };

enum class actor_stream_news_event : std::uint8_t { connects, secures, tells_connected, tells_secured };

inline constexpr auto actor_stream_news_table = [] {
  using enum actor_stream_news_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<actor_stream_news_state, 4, actor_stream_news_event, 4>{{{
    //              connects   secures  tells_connected tells_secured
    /* none */      {connected, secured, stays,          stays},
    /* connected */ {never,     both,    none,           stays},
    /* secured */   {never,     stays,   stays,          none},
    /* both */      {never,     stays,   secured,        connected},
  }}};
  // clang-format on
}();

class actor_stream_news final : public base::state_machine<actor_stream_news_table> {
 public:
  using base::state_machine<actor_stream_news_table>::state_machine;

  bool has_connected() const { return is_any(state::connected, state::both); }
  bool has_secured() const { return is_any(state::secured, state::both); }
};

// The peer's end.
enum class actor_stream_input_state : std::uint8_t {
  comes,
  ended, // the peer sends no more
  told,  // the peer sends no more, and on_eof has said so
};

enum class actor_stream_input_event : std::uint8_t { ends, is_told };

inline constexpr auto actor_stream_input_table = [] {
  using enum actor_stream_input_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<actor_stream_input_state, 3, actor_stream_input_event, 2>{{{
    //          ends   is_told
    /* comes */ {ended, never},
    /* ended */ {stays, told},
    /* told */  {stays, stays},
  }}};
  // clang-format on
}();

using actor_stream_input = base::state_machine<actor_stream_input_table>;

// Room for what the actor writes. After a write was refused, on_drained tells that there is room again.
enum class actor_stream_room_state : std::uint8_t {
  there,
  refused, // a write was refused
  drained, // there is room again, and the actor is to be told
  anew,    // a write was refused before the actor was told
};

enum class actor_stream_room_event : std::uint8_t { refuses, drains, is_told };

inline constexpr auto actor_stream_room_table = [] {
  using enum actor_stream_room_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<actor_stream_room_state, 4, actor_stream_room_event, 3>{{{
    //            refuses  drains   is_told
    /* there */   {refused, stays,   stays},
    /* refused */ {stays,   drained, stays},
    /* drained */ {anew,    stays,   there},
    /* anew */    {stays,   drained, refused},
  }}};
  // clang-format on
}();

using actor_stream_room = base::state_machine<actor_stream_room_table>;

// The bytes of the input that on_data() has, and what the actor does about them inside that call.
enum class actor_stream_loan_state : std::uint8_t {
  none,
  lent,
  cut,     // set_framing() was called: the rest that on_data() leaves is cut so
  secured, // start_tls() was called: the rest that on_data() leaves belongs to TLS
};

enum class actor_stream_loan_event : std::uint8_t { lends, cuts, secures, returns };

inline constexpr auto actor_stream_loan_table = [] {
  using enum actor_stream_loan_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<actor_stream_loan_state, 4, actor_stream_loan_event, 4>{{{
    //            lends  cuts   secures  returns
    /* none */    {lent,  stays, stays,   never},
    /* lent */    {never, cut,   secured, none},
    /* cut */     {never, stays, secured, none},
    /* secured */ {never, stays, stays,   none},
  }}};
  // clang-format on
}();

using actor_stream_loan = base::state_machine<actor_stream_loan_table>;

} // namespace coppice::behaviours
