// SPDX-License-Identifier: MIT
// The choices of a stage, as GenStage has them. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tree/words.hpp"

namespace coppice::tree {

// Whether a producer hears of demand at once, or only when it is told to forward it.
enum class demand_mode : std::uint8_t { forward, accumulate };
template <>
inline constexpr std::array<std::string_view, 2> words<demand_mode>{"forward", "accumulate"};

// When a consumer ends because one of its subscriptions ended: always; for a reason that is neither normal
// nor shutdown; never.
enum class cancel_mode : std::uint8_t { permanent, transient, temporary };
template <>
inline constexpr std::array<std::string_view, 3> words<cancel_mode>{"permanent", "transient", "temporary"};

// Which consumers get an event.
enum class stage_dispatching : std::uint8_t { demand, broadcast, partition, callback };
template <>
inline constexpr std::array<std::string_view, 4> words<stage_dispatching>{"demand", "broadcast", "partition",
                                                                          "callback"};

// Which events stay in a buffer that is full.
enum class buffer_keep : std::uint8_t { last, first };
template <>
inline constexpr std::array<std::string_view, 2> words<buffer_keep>{"last", "first"};

} // namespace coppice::tree
