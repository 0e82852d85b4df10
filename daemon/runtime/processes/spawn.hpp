// SPDX-License-Identifier: MIT
// Makes a process: takes a slot of the process table, chooses a worker, registers the name, links and
// monitors. This is what system::spawn() and process::spawn() call. Any thread. Private to the room.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "runtime/processes/process_record.hpp"

namespace coppice::runtime {

class system;

// `spawner`: the process whose turn it is; null: none, and options.link and options.monitor are ignored.
// errc::exists: the name is taken. errc::limit: limits.processes is reached. errc::closed: the system stops.
base::result<pid> spawn(system& host, process_record* spawner, spawn_options&& options,
                        std::unique_ptr<behaviour> does);

} // namespace coppice::runtime
