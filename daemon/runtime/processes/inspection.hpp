// SPDX-License-Identifier: MIT
// Copies of what a process publishes, for system::processes() and system::info(). Any thread, under
// delivery::reading. Private to the room.
#pragma once

#include "runtime/inspectable.hpp"
#include "runtime/processes/process_record.hpp"

namespace coppice::runtime {

process_summary summarise(const process_record& p);
process_info examine(const process_record& p);

} // namespace coppice::runtime
