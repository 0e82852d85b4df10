// SPDX-License-Identifier: MIT
// Making processes. Any thread; private to the room.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "runtime/processes/process_record.hpp"

namespace coppice::runtime {

class system;

// `spawner`: the process whose turn it is, or null: then `link` and `monitor` of the options are not looked
// at. errc::exists: the name is taken; errc::limit: there are limits.processes already; errc::closed: the
// system stops.
base::result<pid> spawn(system& host, process_record* spawner, spawn_options&& options,
                        std::unique_ptr<behaviour> does);

} // namespace coppice::runtime
