// SPDX-License-Identifier: MIT
// A named event as it is written: what processes of this and other nodes subscribe to. Each member's initial
// value is that key's default. Immutable once loaded; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace coppice::spec {

// What becomes of events for which a subscriber has no room.
enum class slow_policy : std::uint8_t { drop_old, drop_new, unsubscribe, park };

struct named_event {
  std::string name;
  std::string producer; // the registered name of who publishes; empty: the first here who registers
  std::uint32_t buffer = 0;
  std::uint32_t queue = 1000;
  std::uint64_t bytes = std::uint64_t{1} << 20;
  bool open = false;
  bool notify = false;
  slow_policy slow = slow_policy::drop_old;
  bool operator==(const named_event&) const = default;
};

} // namespace coppice::spec
