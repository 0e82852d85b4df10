// SPDX-License-Identifier: MIT
// A named event as the configuration has it. Processes of this and other nodes subscribe to it. Each
// member's initial value is that key's default. Immutable once loaded; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "tree/events.hpp"

namespace coppice::spec {

struct named_event {
  std::string name;
  std::string producer; // registered name of the publisher; empty: the first process here that registers
  std::uint32_t buffer = 0;
  std::uint32_t queue = 1000;
  std::uint64_t bytes = std::uint64_t{1} << 20;
  bool open = false;
  bool notify = false;
  tree::slow_subscriber slow = tree::slow_subscriber::drop_old;
  bool operator==(const named_event&) const = default;
};

} // namespace coppice::spec
