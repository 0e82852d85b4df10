// SPDX-License-Identifier: MIT
// How much a mailbox takes, and what happens to a message that does not fit. Fixed at spawn. Only ordinary
// messages count: signals, replies, timers and system traffic are never refused.
#pragma once

#include <cstdint>

namespace coppice::runtime {

enum class on_full : std::uint8_t {
  park_sender, // the sender waits for room, for at most system_options::park
  drop_new,    // the message is refused
  drop_old,    // the oldest messages are dropped
  exit,        // the receiver exits
};

struct mailbox_bounds {
  std::uint32_t messages = 100'000; // 1 to 16,000,000
  std::uint64_t bytes = 0;          // 0: no limit
  on_full policy = on_full::park_sender;
};

} // namespace coppice::runtime
