// SPDX-License-Identifier: MIT
// The states of the TLS of a stream: how far it has come, and whether the carrier under it is read. The
// loop's thread.
#pragma once

#include <cstdint>

#include "base/transition_table.hpp"

namespace coppice::net {

enum class tls_phase_state : std::uint8_t {
  waiting, // for the connection, or for start()
  shaking, // the handshake
  open,    // data is exchanged
};

enum class tls_phase_event : std::uint8_t { begins, opens };

inline constexpr auto tls_phase_table = [] {
  using enum tls_phase_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<tls_phase_state, 3, tls_phase_event, 2>{{{
    //            begins   opens
    /* waiting */ {shaking, never},
    /* shaking */ {never,   open},
    /* open */    {never,   never},
  }}};
  // clang-format on
}();

using tls_phase = base::state_machine<tls_phase_table>;

enum class tls_reading_state : std::uint8_t {
  idle,    // the user does not read
  running, // the carrier under it is read
  full,    // the user reads, but the session has bytes that it has not used: the carrier is not read
};

enum class tls_reading_event : std::uint8_t {
  begins, // the user reads from now on
  stops,  // the user does not read any more
  fills,  // the session has bytes that it has not used
  drains, // the session has used all bytes
};

inline constexpr auto tls_reading_table = [] {
  using enum tls_reading_state;
  using enum base::no_transition;
  // clang-format off
  return base::transition_table<tls_reading_state, 3, tls_reading_event, 4>{{{
    //            begins   stops  fills  drains
    /* idle */    {running, stays, stays, stays},
    /* running */ {stays,   idle,  full,  stays},
    /* full */    {stays,   idle,  stays, running},
  }}};
  // clang-format on
}();

using tls_reading = base::state_machine<tls_reading_table>;

} // namespace coppice::net
