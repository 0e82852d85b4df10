// SPDX-License-Identifier: MIT
// The range of a mailbox's bound in messages, which YAML and supervisor:start_child share. Any thread.
#pragma once

#include <cstdint>

namespace coppice::tree {

inline constexpr std::uint32_t fewest_mailbox_messages = 1;
inline constexpr std::uint32_t most_mailbox_messages = 16'000'000;

} // namespace coppice::tree
