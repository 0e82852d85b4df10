// SPDX-License-Identifier: MIT
// Messages that a process has received and keeps until it can handle them: counted as if they were in its
// mailbox still, they leave less room there, and its bound is one for both.
#pragma once

#include <cstdint>

#include "runtime/process.hpp"

namespace coppice::runtime {

// In the process's own turn. It keeps so many more from now on, whatever the bound.
void count_kept(process& self, std::uint32_t messages);
// It keeps so many fewer; at most what was counted. Who waits for room gets it when the turn ends.
void count_released(process& self, std::uint32_t messages);

} // namespace coppice::runtime
