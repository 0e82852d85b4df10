// SPDX-License-Identifier: MIT
// Reads the control messages that carry nearly all traffic in one pass straight from a frame: sends to a pid,
// a name or an alias (before and since OTP 28), monitor and demonitor, in the encoding that nodes use today.
// Everything else, valid or not, is left to decode_control(). Pure; any thread.
#pragma once

#include <coppice/etf/canonical.hpp>
#include <cstdint>
#include <optional>
#include <span>

#include "dist/control_message.hpp"

namespace coppice::dist {

// Reads the control message at the front of `terms` and returns its size. Empty: it is not one of these.
// `into` borrows from `terms` and from what `atoms` finds. Only the fields of its operation are set.
std::optional<std::size_t> read_frequent_control(std::span<const std::uint8_t> terms,
                                                 const etf::atom_lookup& atoms, control_message& into);

} // namespace coppice::dist
