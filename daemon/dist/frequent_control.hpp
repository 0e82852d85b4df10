// SPDX-License-Identifier: MIT
// The control messages that carry nearly all traffic, read in one pass straight from a frame: sends to a
// pid, a name and an alias (in the forms before OTP 28 and since), and what makes and ends a monitor, encoded
// as nodes encode them today.
// Everything else, right or wrong, is left to decode_control(). Pure; any thread.
#pragma once

#include <coppice/etf/canonical.hpp>
#include <cstdint>
#include <optional>
#include <span>

#include "dist/control_message.hpp"

namespace coppice::dist {

// Reads the control message at the front of `terms` and returns its size; nothing if it is none of these.
// `into` then borrows from `terms` and from what `atoms` finds; of its fields only those that the operation
// has are set, the others stay as they were.
std::optional<std::size_t> read_frequent_control(std::span<const std::uint8_t> terms,
                                                 const etf::atom_lookup& atoms, control_message& into);

} // namespace coppice::dist
