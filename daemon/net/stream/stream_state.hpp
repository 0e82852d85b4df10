// SPDX-License-Identifier: MIT
// The states of a stream, without a socket: its life, what it reads, what it writes, how it ends its own
// direction, and what the end of the loop's turn has to do. Each is a machine with a table of its own.
// stream_core.hpp tells them what happens and asks what follows. The loop's thread.
#pragma once

#include <cstdint>

#include "base/transition_table.hpp"

namespace coppice::net {

// The life of a stream ------------------------------------------------------------------------------------

enum class stream_life_state : std::uint8_t {
  opening,   // it connects, or was adopted and not started
  securing,  // the TLS handshake of a stream that opens
  open,      // data is exchanged, by TLS if it is used
  awaiting,  // start_tls() was called, give_tls() is to come; nothing is read before
  upgrading, // the TLS handshake that start_tls() began
  failed,    // the handler has been told
  alerted,   // failed, and the kernel has the TLS alert that tells the peer
  departing, // it connects, and its owner has left; what is queued leaves once it is open
  leaving,   // its owner has left; it sends what is queued, then its end
  lingering, // its owner has left and all is sent; what the peer still sends is dropped until its end
  closed,    // nothing is read, written or called any more
};

enum class stream_life_event : std::uint8_t {
  secures,   // the socket is open and a TLS handshake begins
  opens,     // data can be exchanged
  asks_tls,  // start_tls()
  gives_tls, // give_tls()
  fails,
  fails_aloud, // it fails, and the kernel has taken the alert
  owner_left,  // close_when_written()
  sent_all,    // the kernel has what was queued, and our end
  closes,
};

inline constexpr auto stream_life_table = [] {
  using enum stream_life_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<stream_life_state, 11, stream_life_event, 9>{{{
    //              secures   opens    asks_tls  gives_tls  fails   fails_aloud  owner_left  sent_all   closes
    /* opening */   {securing, open,    never,    stays,     failed, never,       departing,  never,     closed},
    /* securing */  {never,    open,    never,    stays,     failed, alerted,     closed,     never,     closed},
    /* open */      {never,    never,   awaiting, stays,     failed, alerted,     leaving,    stays,     closed},
    /* awaiting */  {never,    never,   never,    upgrading, failed, alerted,     closed,     never,     closed},
    /* upgrading */ {never,    open,    never,    stays,     failed, alerted,     closed,     never,     closed},
    /* failed */    {stays,    stays,   never,    stays,     stays,  stays,       closed,     stays,     closed},
    /* alerted */   {never,    never,   never,    stays,     stays,  stays,       lingering,  stays,     closed},
    /* departing */ {never,    leaving, never,    never,     closed, never,       never,      never,     closed},
    /* leaving */   {never,    never,   never,    never,     closed, closed,      never,      lingering, closed},
    /* lingering */ {never,    never,   never,    never,     closed, closed,      never,      stays,     closed},
    /* closed */    {never,    never,   never,    stays,     stays,  stays,       never,      stays,     stays},
  }}};
  // clang-format on
}();

class stream_life final : public base::state_machine<stream_life_table> {
 public:
  using base::state_machine<stream_life_table>::state_machine;

  bool is(state one) const { return now() == one; }
  // Nothing is read or written for the owner any more.
  bool is_over() const { return is_any(state::failed, state::alerted, state::closed); }
  // The owner has left, and the stream closes by itself.
  bool is_alone() const { return is_any(state::departing, state::leaving, state::lingering); }
  // Queued bytes can be given to the socket, or to TLS.
  bool is_ready() const { return is_any(state::open, state::leaving); }
  // The socket is read for the handler, or for the handshake.
  bool reads() const { return is_any(state::securing, state::open, state::upgrading); }
  // The socket takes bytes: of the handshake, or those that are queued.
  bool sends() const {
    return is_any(state::securing, state::open, state::awaiting, state::upgrading, state::leaving);
  }
  // Bytes of the peer are read and dropped.
  bool drops() const { return is_any(state::leaving, state::lingering); }
};

// Reading -------------------------------------------------------------------------------------------------

// "Held": paused by the handler. In a TLS handshake the socket is read all the same.
enum class stream_reading_state : std::uint8_t {
  idle,         // the socket is not read
  running,      // it is read
  resting,      // it is read, but the next request for space gets none: one read in a turn of the loop
  held,         // not read
  held_running, // read
  held_resting, // read, but the next request for space gets none
  ended,        // the peer has ended; not read
  ending,       // the peer has ended, and the stream is about to stop reading
  held_ended,   // the peer has ended, and the handler has paused; not read
  held_ending,  // the peer has ended, the handler has paused, and the stream is about to stop reading
};

enum class stream_reading_event : std::uint8_t {
  begins, // the socket is read from now on
  stops,  // the socket is not read any more
  filled, // a read has filled its space, so there may be more
  asked,  // libuv asks for space
  pauses,
  resumes,
  ends, // the peer sends nothing more
};

inline constexpr auto stream_reading_table = [] {
  using enum stream_reading_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<stream_reading_state, 10, stream_reading_event, 7>{{{
    //                 begins        stops       filled        asked         pauses        resumes  ends
    /* idle */         {running,      stays,      stays,        stays,        held,         stays,   ended},
    /* running */      {never,        idle,       resting,      stays,        held_running, stays,   ending},
    /* resting */      {never,        idle,       stays,        running,      held_resting, stays,   ending},
    /* held */         {held_running, stays,      stays,        stays,        stays,        idle,    held_ended},
    /* held_running */ {never,        held,       held_resting, stays,        stays,        running, held_ending},
    /* held_resting */ {never,        held,       stays,        held_running, stays,        resting, held_ending},
    /* ended */        {never,        stays,      stays,        stays,        held_ended,   stays,   stays},
    /* ending */       {never,        ended,      stays,        stays,        held_ending,  stays,   stays},
    /* held_ended */   {never,        stays,      stays,        stays,        stays,        ended,   stays},
    /* held_ending */  {never,        held_ended, stays,        stays,        stays,        ending,  stays},
  }}};
  // clang-format on
}();

class stream_reading final : public base::state_machine<stream_reading_table> {
 public:
  using base::state_machine<stream_reading_table>::state_machine;

  bool is_running() const {
    return is_any(state::running, state::resting, state::held_running, state::held_resting, state::ending,
                  state::held_ending);
  }
  bool is_held() const {
    return is_any(state::held, state::held_running, state::held_resting, state::held_ended,
                  state::held_ending);
  }
  bool has_ended() const {
    return is_any(state::ended, state::ending, state::held_ended, state::held_ending);
  }
};

// Writing -------------------------------------------------------------------------------------------------

enum class stream_writing_state : std::uint8_t {
  idle,      // what is queued is given to the socket as far as it takes it at once
  under_way, // libuv writes when the socket can take more
  broken,    // a write has failed; what the peer sent before it left is still to be read
};

enum class stream_writing_event : std::uint8_t { begins, finishes, breaks };

inline constexpr auto stream_writing_table = [] {
  using enum stream_writing_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<stream_writing_state, 3, stream_writing_event, 3>{{{
    //              begins     finishes breaks
    /* idle */      {under_way, never,   broken},
    /* under_way */ {never,     idle,    never},
    /* broken */    {never,     never,   never},
  }}};
  // clang-format on
}();

using stream_writing = base::state_machine<stream_writing_table>;

// The end of what we send.
enum class stream_end_state : std::uint8_t {
  open,  // the owner may write
  asked, // end() was called: queued bytes are still sent
  said,  // TLS's close_notify is queued behind it
  shut,  // the socket has been told
  done,  // the kernel has sent everything
};

enum class stream_end_event : std::uint8_t { asks, says, shuts, is_done };

inline constexpr auto stream_end_table = [] {
  using enum stream_end_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<stream_end_state, 5, stream_end_event, 4>{{{
    //          asks   says   shuts  is_done
    /* open */  {asked, never, never, never},
    /* asked */ {stays, said,  shut,  never},
    /* said */  {stays, never, shut,  never},
    /* shut */  {stays, never, never, done},
    /* done */  {stays, never, never, never},
  }}};
  // clang-format on
}();

using stream_end_of_writing = base::state_machine<stream_end_table>;

// Whether on_drained() is due.
enum class stream_mark_state : std::uint8_t {
  below, // not more is queued than the low mark
  above,
  fell,      // it was above, and the handler has not been told
  rose_anew, // it fell, and is above again before the handler was told
};

enum class stream_mark_event : std::uint8_t { rises, falls, is_told };

inline constexpr auto stream_mark_table = [] {
  using enum stream_mark_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<stream_mark_state, 4, stream_mark_event, 3>{{{
    //              rises      falls  is_told
    /* below */     {above,     stays, stays},
    /* above */     {stays,     fell,  stays},
    /* fell */      {rose_anew, stays, below},
    /* rose_anew */ {stays,     fell,  above},
  }}};
  // clang-format on
}();

using stream_mark = base::state_machine<stream_mark_table>;

// The end of the loop's turn.
enum class stream_turn_state : std::uint8_t {
  idle,    // nothing is to be done
  due,     // what was written leaves, and what TLS has read is delivered
  failing, // the stream fails
};

enum class stream_turn_event : std::uint8_t {
  schedules,
  fails,  // in the middle of the stream's own functions
  comes,  // the end of the turn
  failed, // the stream has failed meanwhile
};

inline constexpr auto stream_turn_table = [] {
  using enum stream_turn_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<stream_turn_state, 3, stream_turn_event, 4>{{{
    //            schedules fails    comes  failed
    /* idle */    {due,      failing, stays, stays},
    /* due */     {stays,    failing, idle,  stays},
    /* failing */ {stays,    stays,   idle,  due},
  }}};
  // clang-format on
}();

using stream_turn = base::state_machine<stream_turn_table>;

} // namespace coppice::net
