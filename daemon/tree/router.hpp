// SPDX-License-Identifier: MIT
// The choices of a router. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tree/words.hpp"

namespace coppice::tree {

// What becomes of a message that does not reach its route, or of a call that is not answered in time.
enum class router_failure : std::uint8_t {
  reply, // the caller gets {error, {not_routed, Route, Reason}}; of other messages there is a line in the log
  drop,  // nothing
  callback, // the actor's callback says
};
template <>
inline constexpr std::array<std::string_view, 3> words<router_failure>{"reply", "drop", "callback"};

} // namespace coppice::tree
