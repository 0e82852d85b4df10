// SPDX-License-Identifier: MIT
// What becomes of events that their receivers do not take fast enough: subscribers of named events, handlers
// of an event manager. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tree/words.hpp"

namespace coppice::tree {

// What becomes of events of a named event for whose subscriber there is no room.
enum class slow_subscriber : std::uint8_t {
  drop_old,    // it gets what is still kept when there is room again
  drop_new,    // it gets what is published when there is room again
  unsubscribe, // its subscription ends
  park,        // the publisher waits for subscribers of this node; others are treated as by drop_old
};
template <>
inline constexpr std::array<std::string_view, 4> words<slow_subscriber>{"drop_old", "drop_new", "unsubscribe",
                                                                        "park"};

// What becomes of events beyond the backlog of an event manager's handler.
enum class event_overload : std::uint8_t {
  drop_new, // they are dropped, and counted
  exit,     // the handler ends with mailbox_full
};
template <>
inline constexpr std::array<std::string_view, 2> words<event_overload>{"drop_new", "exit"};

} // namespace coppice::tree
