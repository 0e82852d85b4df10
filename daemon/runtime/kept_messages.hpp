// SPDX-License-Identifier: MIT
// Counts messages that a process has received and keeps until it can handle them, such as those in the queue
// of a pool. They count as if they were still in its mailbox, so that one bound covers both.
#pragma once

#include <cstdint>

#include "runtime/process.hpp"

namespace coppice::runtime {

// In the process's own turn. Adds `messages` to the count, whatever the bound.
void count_kept(process& self, std::uint32_t messages);
// In the process's own turn. Takes `messages`, at most what was added, from the count. Senders that wait for
// room get it when the turn ends.
void count_released(process& self, std::uint32_t messages);

} // namespace coppice::runtime
